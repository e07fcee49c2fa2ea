"""At scale: one pure job for each block of images, on this machine or on a cluster."""
