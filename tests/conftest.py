"""Three people in every test: Alice owns, Bob belongs, Charlie must see nothing."""
