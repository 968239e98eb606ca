"""CIFAR10, from its binary files."""
