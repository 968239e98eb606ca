"""affNIST: affine-transformed digits, which networks trained on shifted digits are tested on."""
