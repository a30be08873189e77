"""headway.yaml: read it, explain what is wrong with it, turn it into the product's nouns."""
