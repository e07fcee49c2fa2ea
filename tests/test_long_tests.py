"""The page of the long tests' last result."""

from tests.long_tests import page

JUNIT = """<?xml version="1.0"?><testsuites><testsuite>
<testcase classname="tests.browser.test_soak" name="test_a_visit_leaves_nothing" time="61.2">
<properties><property name="RSS at visit 60, MB" value="412"/></properties></testcase>
<testcase classname="tests.batch.test_run" name="test_killed[a|b]" time="3"><failure>...</failure></testcase>
<testcase classname="tests.test_docs" name="test_site" time="0"><skipped message="no sphinx"/></testcase>
</testsuite></testsuites>"""


def test_every_test_has_a_line_with_its_result_seconds_and_figures(tmp_path):
    (tmp_path / "junit.xml").write_text(JUNIT)
    text = page(tmp_path / "junit.xml", "2026-01-01, commit abc")
    assert "2026-01-01, commit abc: 1 failed, 1 passed, 1 skipped, 1.1 minutes." in text
    assert "| browser: a visit leaves nothing | passed | 61 | RSS at visit 60, MB: 412 |" in text
    assert "| batch: killed[a/b] | failed | 3 |  |" in text
    assert "| site | skipped | 0 |  |" in text
