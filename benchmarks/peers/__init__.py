"""What the product is measured against: the same endpoints, written as others write them."""
