"""Results of a measurement, without torch: reduction, errors, deltas, predictions, human maps in a frame, scores."""
