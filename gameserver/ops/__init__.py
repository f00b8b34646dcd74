"""What an operator watches a server by: the log, metrics, systemd."""
