"""The contracts that every layer above stands on: schema, space, codec, model, judge, registry, errors, seeds."""
