"""Responses of the API as structs.

Fields that a newer service adds are ignored. Closed lists of values (status, code, environment) are plain text here, so
that a new value is no error either.
"""
