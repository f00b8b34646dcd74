"""Operations: the log, metrics, systemd."""
