"""ClickMe data as they are met in the wild: TFRecords of both kinds, tables of clicks, the lab's HDF5 maps."""
