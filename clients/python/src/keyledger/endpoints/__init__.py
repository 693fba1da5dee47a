"""Every request of the API, one pure function each: what it takes, what is sent, what the answer is."""
