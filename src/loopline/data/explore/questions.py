"""What an expert should be asked: every rule's questions, those first on which most hangs."""

from __future__ import annotations

from loopline.data.explore import questions_numbers, questions_table, questions_texts
from loopline.data.explore.question import Look, Question, Rule

RULES: tuple[Rule, ...] = (*questions_table.RULES, *questions_numbers.RULES, *questions_texts.RULES)


def questions(look: Look) -> tuple[Question, ...]:
    """All questions; those of equal weight in the order of the rules."""
    found = [question for rule in RULES for question in rule(look)]
    return tuple(sorted(found, key=lambda question: -question.weight))
