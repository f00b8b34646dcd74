"""The rules that change games, pools and money, for requests and timers alike; synchronous, in database threads."""
