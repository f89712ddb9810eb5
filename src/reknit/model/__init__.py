"""Values that the stages pass to each other: frozen, validated where they enter, round-tripped by `codec`."""
