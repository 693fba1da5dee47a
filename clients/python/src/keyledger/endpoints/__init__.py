"""All requests of the API, one pure function each: arguments, request and response type.

A function is named after its operation in the OpenAPI document.
"""
