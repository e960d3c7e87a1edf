"""Whatever stands in the inputs, the plan answers in words."""

from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from ansible_collections.planner.droplet.plugins.module_utils._services import CATALOG, KEYS
from ansible_collections.planner.droplet.plugins.module_utils._sizes import SIZES
from hypothesis import given, settings
from hypothesis import strategies as st

SIZE = st.sampled_from(sorted(SIZES))
SWAP = st.one_of(st.none(), st.integers(0, 4096))
SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**18),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([*CATALOG, "image:1", "work-er", "x\n", "1024", "-5"]),
)
KEY = st.one_of(st.sampled_from(["name", *KEYS]), st.integers(), st.text(max_size=8))
GARBAGE = st.recursive(
    SCALAR,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(KEY, inner, max_size=5), st.tuples(inner)
    ),
    max_leaves=12,
)
NEARLY = st.lists(
    st.dictionaries(KEY, st.one_of(GARBAGE, SCALAR), max_size=5).flatmap(
        lambda made: st.sampled_from([*CATALOG, "own", ""]).map(lambda name: {**made, "name": name})
    ),
    max_size=4,
)


class TestGarbage:
    """Nothing but PlanError, whatever stands in the inputs."""

    @settings(max_examples=200)
    @given(st.one_of(SIZE, GARBAGE), st.one_of(NEARLY, GARBAGE), st.one_of(SWAP, GARBAGE))
    def test_garbage_is_refused_in_words(
        self, size: object, services: object, swap_mb: object
    ) -> None:
        """Arbitrary input is planned or refused with at least one problem, each with a way out."""
        try:
            plan(size, services, swap_mb)
        except PlanError as error:
            refused = error
        else:
            return
        assert refused.problems
        for problem in refused.problems:
            assert problem.path
            assert problem.reason
            assert problem.remedy
            assert str(problem) in str(refused)
