"""Recipe → variant → lock → wheelhouse → context → image → proof."""
