"""The kernels that judge a row of a series after the other, with carried state: a batch is a stream of its rows."""
