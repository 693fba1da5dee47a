"""Generator of `clients/typescript/src/generated.ts` from the OpenAPI document, run by `make fix`."""
