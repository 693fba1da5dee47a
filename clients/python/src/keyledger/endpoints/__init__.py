"""All requests of the API, one pure function each: arguments, request and response type."""
