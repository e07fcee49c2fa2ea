"""What suffices: rapid categorisation of images uncovered by importance, by people and by networks."""
