"""Health checks, the half that touches the world: what looks, the file that says where, the thread that goes round."""
