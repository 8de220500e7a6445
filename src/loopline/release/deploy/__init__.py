"""Deployment: from the champion to what a process, systemd, a container or Kubernetes needs to serve it."""
