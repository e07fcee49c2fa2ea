"""Networks: GALA and SE blocks, the ResNet bodies, GALA added to any backbone, and networks ready to use."""
