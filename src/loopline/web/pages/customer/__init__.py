"""The customers' page: what was asked for and whether it holds, how good the decisions are, and a place to say so."""
