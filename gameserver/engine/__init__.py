"""What changes games, pools and money, whoever asked: synchronous, in the database's threads."""
