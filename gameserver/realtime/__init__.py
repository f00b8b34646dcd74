"""Client connections: admission, requests, subscriptions, and publishing to them."""
