"""What is kept for whoever looks next."""

from loopline.web.kept import Kept


def test_what_was_asked_for_lately_is_not_made_again():
    made = []
    kept = Kept[int](2)

    def of(key):
        return kept.of(key, lambda: made.append(key) or len(made))

    assert (of("a"), of("b"), of("a"), of("c"), of("a"), of("b")) == (1, 2, 1, 3, 1, 4)
    assert made == ["a", "b", "c", "b"] and kept.known("c") is None
