"""What the tests against a real Kafka share: brokers, topics, the process under test, and the oracle.

The client is PyPI's confluent-kafka with a librdkafka of its own; nothing here links or imports the engine.
"""
