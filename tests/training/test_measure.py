import io
import json
import sys

from nftgan.training import measure as module
from nftgan.training.measure import main, measure


def test_steps_of_the_fewest_images_and_of_all_are_timed_and_sized(configure, tmp_path):
    few, few_warm, all_, all_warm = filter(None, measure(configure(micro_batch=4)))
    assert [one.images for one in (few, few_warm, all_, all_warm)] == [2, 2, 4, 4]
    assert [one.warm for one in (few, few_warm, all_, all_warm)] == [False, True] * 2
    assert all(one.step_seconds > 0 and one.image_seconds > 0 for one in (few, all_warm))
    assert all_warm.start_seconds == 0
    assert all_warm.memory_bytes >= few.memory_bytes > 10**7
    assert all_warm.state_bytes > 2 * all_warm.network_bytes > 0  # with moments and both G


def test_steps_of_the_first_stage_are_timed_beside_the_others(configure):
    found = [one for one in measure(configure(start="autoencoder:0.01")) if one]
    assert all(one.start_seconds > 0 and one.step_seconds > 0 for one in found)


def test_the_process_answers_in_lines_and_says_what_went_wrong(configure, monkeypatch, capsys):
    request = json.dumps({"config": configure(aug="none").to_json(), "memory": None})
    monkeypatch.setattr(sys, "stdin", io.StringIO(request))
    main()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"started": True}
    lines = [line for line in lines if "images" in line]
    assert [line["images"] for line in lines] == [2, 2, 4, 4]

    def full(config):
        raise RuntimeError("can't allocate memory: you tried to allocate 9 bytes\nmore")
        yield

    monkeypatch.setattr(sys, "stdin", io.StringIO(request))
    monkeypatch.setattr(module, "measure", full)
    main()
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said == {"error": "can't allocate memory: you tried to allocate 9 bytes"}
