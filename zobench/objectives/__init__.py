"""What several test problems share: data, models, layers, matrices, reference solutions."""
