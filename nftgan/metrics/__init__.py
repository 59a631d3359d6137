"""Feature distances and equivariance measures."""
