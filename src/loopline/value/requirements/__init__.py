"""The acceptance criteria traced: what each asks for, what it needs, what holds it, and how it did; as values and as a document."""
