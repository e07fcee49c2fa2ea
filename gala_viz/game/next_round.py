"""Which round comes next for a player: one that waits, practice, a catch trial, or the image with the fewest rounds."""

from __future__ import annotations

import logging

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.counts import counted
from gala_viz.game.active_round import FLUSH_TIMEOUT_S, ActiveRound
from gala_viz.game.judge import Judge
from gala_viz.game.player import Player
from gala_viz.game.round_image import RoundImage, catch_trial_image, make_round_image
from gala_viz.game.scoring import LEFT, RIGHT
from gala_viz.records.outages import NotStoredError
from gala_viz.records.round_updates import RoundUpdate
from gala_viz.records.tables import GAME, PRACTICE, now_ms

MAX_UNREADABLE = 20
"""After so many images in a row that cannot be read a player is given none."""

_log = logging.getLogger(__name__)


async def start_next_round(player: Player, requested: str | None) -> ActiveRound | None:
    """Start the next round and send it to the player; return None where no image is left.

    A round that was shown and never begun comes first, then perhaps a catch trial, unless an image is ``requested``.
    One on an image that the game does not offer is discarded, as if it had not been drawn. An image that cannot be read
    is passed over and logged; it stays unseen, for a later time. Raises ``UnreadableImageError`` where none of those
    left could be read, or not one of ``MAX_UNREADABLE``, and ``NotStoredError`` while the player's round before is not
    in the database.
    """
    game = player.game
    categories, side = game.recogniser.categories, game.spec.canvas_px
    if not await game.flush(
        player.participant, FLUSH_TIMEOUT_S
    ):  # the round before, which would be taken for an open one
        raise NotStoredError("the round before is not stored yet.")
    await game.release_abandoned()
    row = await game.run_writer(
        game.rounds.resume_open_round, player.participant, player.session_id, game.collection.name
    )
    if row is not None and row.image in game.not_offered:  # drawn by a game with another network
        await game.run_writer(game.rounds.discard_round, row.id)
        row = None
    if row is None and requested is None and _is_catch(player):
        catch_trial = await _catch(player)
        if catch_trial is not None:
            return catch_trial
    unreadable: list[str] = []
    while len(unreadable) < MAX_UNREADABLE:
        if row is None:
            kind = PRACTICE if player.n_rounds < game.spec.n_practice else GAME
            row = await game.run_writer(
                game.rounds.claim_round,
                player.participant,
                player.session_id,
                game.collection.name,
                kind=kind,
                requested=requested,
                excluded=[*game.not_offered, *unreadable],
                settings=game.settings,
            )
        if row is None:
            break
        try:
            round_image = await game.run_reader(make_round_image, game.collection, row.image, categories, side)
        except UnreadableImageError as error:
            _log.warning("%s is passed over: %s", row.image, error)
            await game.run_writer(game.rounds.discard_round, row.id)
            unreadable.append(row.image)
            row = None
            continue
        except KeyError:  # registered by an earlier version of the collection
            _log.info("%s is passed over: it is no image of %s any more.", row.image, game.collection.name)
            await _put_away(player, row)
            row = None
            continue
        return await _present_round(player, row, round_image, None)
    if unreadable:
        raise UnreadableImageError(f"{counted(len(unreadable), 'image')} in a row could not be read.")
    return None


def _is_catch(player: Player) -> bool:
    spec = player.game.spec
    return player.n_rounds >= max(1, spec.n_practice) and player.game.rng.random() < spec.catch_share


async def _catch(player: Player) -> ActiveRound | None:
    """Start a catch trial with two images of different categories; None where there are none, or the pair was seen."""
    game = player.game
    named = game.rng.choice(game.images)
    others = game.rng.sample(game.images, min(20, len(game.images)))
    other = next((one for one in others if game.collection.category(one) != game.collection.category(named)), None)
    if other is None:
        return None
    answer = game.rng.choice((LEFT, RIGHT))
    try:
        round_image = await game.run_reader(
            catch_trial_image,
            game.collection,
            named,
            other,
            answer,
            game.recogniser.categories,
            game.spec.canvas_px,
        )
        row = await game.run_writer(
            game.rounds.create_catch_trial,
            player.participant,
            player.session_id,
            game.collection.name,
            f"{named} | {other}",
            answer,
            game.settings,
        )
    except UnreadableImageError as error:
        _log.warning("a catch trial with %s and %s is passed over: %s", named, other, error)
        return None
    except IntegrityError:  # the player has seen this pair
        return None
    return await _present_round(player, row, round_image, answer)


async def _present_round(player: Player, row: Row, round_image: RoundImage, answer: str | None) -> ActiveRound:
    """Record what the round presents, send it to the player, and return it."""
    game = player.game
    await game.run_writer(
        game.rounds.record_presentation, row.id, round_image.category, round_image.box, surface_rule=player.surface_rule
    )
    active_round = ActiveRound(player, row.id, row.image, row.kind, round_image, answer)
    await player.send(
        {
            "type": "round",
            "round": row.id,
            "picture": await game.run_reader(round_image.data_url),
            "category": round_image.category,
            "practice": row.kind == PRACTICE,
            "number": player.n_rounds + 1,
            "combo": player.combo,
        }
    )
    return active_round


async def _put_away(player: Player, row: Row) -> None:
    """End the round of an image that is no longer in the collection, before it begins."""
    judge = Judge(player.game.spec)
    judge.interrupt(player.game.clock_ms())
    end = judge.round_end(now_ms(), combo=player.combo)
    await player.game.run_writer(player.game.rounds.finish_round, row.id, end, RoundUpdate())
