// CheckpointIO
