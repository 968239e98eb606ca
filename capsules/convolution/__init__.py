"""Convolutions with large kernels: direct, by the Fourier transform, and which of them when."""
