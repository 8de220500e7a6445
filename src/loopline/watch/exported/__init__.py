"""What other tools are told: Alertmanager of alerts, Prometheus and Grafana of what the server measures."""
