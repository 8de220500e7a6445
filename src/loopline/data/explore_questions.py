"""What an expert should be asked: every rule's questions, those first on which most hangs."""

from __future__ import annotations

from loopline.data import explore_questions_numbers, explore_questions_table, explore_questions_texts
from loopline.data.explore_question import Look, Question, Rule

RULES: tuple[Rule, ...] = (*explore_questions_table.RULES, *explore_questions_numbers.RULES, *explore_questions_texts.RULES)


def questions(look: Look) -> tuple[Question, ...]:
    """All questions; those of equal weight in the order of the rules."""
    found = [question for rule in RULES for question in rule(look)]
    return tuple(sorted(found, key=lambda question: -question.weight))
