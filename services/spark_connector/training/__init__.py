"""The suggestion model: collects the inputs of a training, decides when to train, and stores the model."""
