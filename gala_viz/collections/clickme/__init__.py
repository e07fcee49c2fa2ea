"""ClickMe data in the formats in use: TFRecords of both kinds, tables of clicks, the lab's HDF5 maps."""
