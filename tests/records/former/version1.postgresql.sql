CREATE TABLE public.experiments (
    hash character varying NOT NULL,
    spec json NOT NULL,
    created_ms bigint NOT NULL
);
CREATE TABLE public.guesses (
    round_id character varying NOT NULL,
    n_points integer NOT NULL,
    at_ms double precision NOT NULL,
    place integer NOT NULL,
    categories json NOT NULL,
    probabilities json NOT NULL
);
CREATE TABLE public.image_counts (
    collection character varying NOT NULL,
    image character varying NOT NULL,
    n_rounds integer NOT NULL,
    rank double precision NOT NULL
);
CREATE TABLE public.notes (
    owner character varying NOT NULL,
    collection character varying NOT NULL,
    image character varying NOT NULL,
    bookmarked boolean NOT NULL,
    tags json NOT NULL,
    text character varying NOT NULL,
    changed_ms bigint NOT NULL
);
CREATE TABLE public.participants (
    id character varying NOT NULL,
    secret_sha256 character varying NOT NULL,
    nickname character varying,
    consented_ms bigint,
    created_ms bigint NOT NULL,
    simulated boolean NOT NULL
);
CREATE TABLE public.points (
    round_id character varying NOT NULL,
    number integer NOT NULL,
    x_px double precision NOT NULL,
    y_px double precision NOT NULL,
    t_ms double precision NOT NULL,
    at_ms double precision NOT NULL
);
CREATE TABLE public.rounds (
    id character varying NOT NULL,
    participant_id character varying NOT NULL,
    visit_id character varying NOT NULL,
    collection character varying NOT NULL,
    image character varying NOT NULL,
    category character varying NOT NULL,
    kind character varying NOT NULL,
    box json NOT NULL,
    settings json NOT NULL,
    shown_ms bigint NOT NULL,
    began_ms bigint,
    ended_ms bigint,
    elapsed_ms double precision,
    outcome character varying,
    skip_reason character varying,
    score double precision NOT NULL,
    combo integer NOT NULL,
    answer character varying,
    passed boolean
);
CREATE TABLE public.settings (
    name character varying NOT NULL,
    value character varying NOT NULL
);
CREATE TABLE public.sittings (
    id character varying NOT NULL,
    experiment character varying NOT NULL,
    participant_id character varying NOT NULL,
    set_number integer NOT NULL,
    swapped boolean NOT NULL,
    seed integer NOT NULL,
    began_ms bigint NOT NULL,
    last_ms bigint NOT NULL,
    finished_ms bigint,
    frame_ms double precision NOT NULL,
    device json NOT NULL,
    versions json NOT NULL
);
CREATE TABLE public.trials (
    sitting_id character varying NOT NULL,
    number integer NOT NULL,
    begun_ms bigint NOT NULL,
    ended_ms bigint,
    key character varying,
    rt_ms double precision,
    fixation_ms double precision,
    stimulus_ms double precision,
    elapsed_ms double precision,
    dropped_frames integer
);
CREATE TABLE public.views (
    name character varying NOT NULL,
    owner character varying NOT NULL,
    collection character varying NOT NULL,
    page character varying NOT NULL,
    query character varying NOT NULL,
    made_ms bigint NOT NULL
);
CREATE TABLE public.visits (
    id character varying NOT NULL,
    participant_id character varying NOT NULL,
    began_ms bigint NOT NULL,
    device json NOT NULL,
    mobile boolean NOT NULL,
    versions json NOT NULL
);
INSERT INTO public.experiments VALUES ('f4ad9e5ec50326ac', '{"title": "photos", "opened_as": "animals", "collection": "62ae9e2527f9411d", "images": {"animal": ["animal/hare/22.png", "animal/hare/02.png"], "vehicle": ["vehicle/tram/05.png", "vehicle/tram/15.png"]}, "practice": {"animal": ["animal/hare/11.png"], "vehicle": ["vehicle/tram/00.png"]}, "maps": {"clickme": "human", "saliency": "human"}, "simulated": [], "revelation": {"levels": [1.0, 1.6, 2.5, 4.0, 6.3, 10.0, 15.8, 25.1, 39.8, 63.1, 100.0], "important_fraction": 0.15, "temperature": 0.5, "fill": "phase", "seed": 0}, "timing": {"fixation_ms": [1100.0, 1200.0, 1300.0, 1400.0, 1500.0], "stimulus_ms": 400.0, "window_ms": 150.0, "pause_ms": 400.0}, "exclusions": {"min_rt_ms": 20.0, "min_answered_fraction": 0.5, "min_full_accuracy": 0.6, "max_dropped_fraction": 0.1}, "keys": ["s", "l"], "n_blocks": 4, "side_px": 64, "shown_px": 384, "seed": 0}', 1795903380717);
INSERT INTO public.guesses VALUES ('AJN2JU-N_0lC2B45bagi1A', 3, 120, 7, '["tram", "wolf"]', '[0.5, 0.25]');
INSERT INTO public.guesses VALUES ('AJN2JU-N_0lC2B45bagi1A', 6, 300, 1, '["hare", "wolf"]', '[0.9, 0.05]');
INSERT INTO public.guesses VALUES ('UkCEv-4YN47SYvf5pCmWsg', 3, 120, 7, '["tram", "wolf"]', '[0.5, 0.25]');
INSERT INTO public.guesses VALUES ('UkCEv-4YN47SYvf5pCmWsg', 6, 300, 1, '["hare", "wolf"]', '[0.9, 0.05]');
INSERT INTO public.guesses VALUES ('ci255DuncJkRa6ftxk4KyQ', 3, 120, 7, '["tram", "wolf"]', '[0.5, 0.25]');
INSERT INTO public.guesses VALUES ('BzDurWLwYYNFJUT5iiRyqg', 3, 120, 7, '["tram", "wolf"]', '[0.5, 0.25]');
INSERT INTO public.guesses VALUES ('_kkWDbmEptSAqNGtWeOG8A', 3, 120, 7, '["tram", "wolf"]', '[0.5, 0.25]');
INSERT INTO public.guesses VALUES ('_kkWDbmEptSAqNGtWeOG8A', 6, 300, 1, '["hare", "wolf"]', '[0.9, 0.05]');
INSERT INTO public.guesses VALUES ('zDn5bflEU4sf2TPW_7gfSw', 3, 120, 7, '["tram", "wolf"]', '[0.5, 0.25]');
INSERT INTO public.guesses VALUES ('zDn5bflEU4sf2TPW_7gfSw', 6, 300, 1, '["hare", "wolf"]', '[0.9, 0.05]');
INSERT INTO public.guesses VALUES ('ntuuKVWT19qZGMMdaj31Bg', 3, 120, 7, '["tram", "wolf"]', '[0.5, 0.25]');
INSERT INTO public.guesses VALUES ('relVJFeAbveNwkOF__7sHw', 3, 120, 7, '["tram", "wolf"]', '[0.5, 0.25]');
INSERT INTO public.guesses VALUES ('relVJFeAbveNwkOF__7sHw', 6, 300, 1, '["hare", "wolf"]', '[0.9, 0.05]');
INSERT INTO public.guesses VALUES ('godcQ_3rSC757CEa-7ytzg', 3, 120, 7, '["tram", "wolf"]', '[0.5, 0.25]');
INSERT INTO public.guesses VALUES ('godcQ_3rSC757CEa-7ytzg', 6, 300, 1, '["hare", "wolf"]', '[0.9, 0.05]');
INSERT INTO public.image_counts VALUES ('shapes', 'image 0', 2, 0.7734378088627976);
INSERT INTO public.image_counts VALUES ('shapes', 'image 1', 1, 0.8604545564005699);
INSERT INTO public.image_counts VALUES ('shapes', 'image 2', 1, 0.4386063615620559);
INSERT INTO public.image_counts VALUES ('shapes', 'image 3', 2, 0.47435258898664234);
INSERT INTO public.notes VALUES ('ann', 'shapes', 'image 1', true, '["ears"]', 'long ears', 1795903378874);
INSERT INTO public.participants VALUES ('Lqi4uZJQZJUiC8f5yOC5ug', 'ff4b3c9a6329e5292346e131582087749a0de771d65835ec6fb5da9d86808b29', 'Zoë', 1795903378597, 1795903378586, false);
INSERT INTO public.participants VALUES ('8FC_WluT9Y0qv8zQInyyPA', '4653a1776c74d102371bcd6bec238c465aae81a51807b995ce9acdb4311261a6', NULL, 1795903378613, 1795903378608, false);
INSERT INTO public.participants VALUES ('1YTZXIeiaURdJRoZMETHfQ', '555fc9e2208b91c1154f760853e6771ed7c9f50d025b8f14f4dc2d1d74ef67dc', NULL, 1795903378625, 1795903378620, false);
INSERT INTO public.participants VALUES ('fJ5jCu6IdGVTzy65w8tZXQ', '774193f133d0fa6794d60e951646d7cbe4de055c77fb6ff6790830915bf478ff', NULL, 1795903378635, 1795903378632, true);
INSERT INTO public.participants VALUES ('0hLoVfmjG02aqd0GXKfsYQ', 'c2221e083618bc6c6e40ecc8447b9d8129ebbf979131fdbf8a94a603a3a3fd6c', NULL, NULL, 1795903380724, false);
INSERT INTO public.participants VALUES ('JJRPqTz-EbXVgBH7PDX4fg', 'facb8326f2eb3562938623fdc2b87409da1c9c76de1837f09ebd67f0b102008b', NULL, NULL, 1795903380837, false);
INSERT INTO public.points VALUES ('AJN2JU-N_0lC2B45bagi1A', 0, 163.06219482421875, 69.06539916992188, 0, 0);
INSERT INTO public.points VALUES ('AJN2JU-N_0lC2B45bagi1A', 1, 156.61973571777344, 66.32774353027344, 60, 60);
INSERT INTO public.points VALUES ('AJN2JU-N_0lC2B45bagi1A', 2, 150.17727661132812, 63.590087890625, 120, 120);
INSERT INTO public.points VALUES ('AJN2JU-N_0lC2B45bagi1A', 3, 143.7348175048828, 60.85243225097656, 180, 180);
INSERT INTO public.points VALUES ('AJN2JU-N_0lC2B45bagi1A', 4, 137.29237365722656, 58.114776611328125, 240, 240);
INSERT INTO public.points VALUES ('AJN2JU-N_0lC2B45bagi1A', 5, 130.84991455078125, 55.37712097167969, 300, 300);
INSERT INTO public.points VALUES ('UkCEv-4YN47SYvf5pCmWsg', 0, 193.9785919189453, 127.3402099609375, 0, 0);
INSERT INTO public.points VALUES ('UkCEv-4YN47SYvf5pCmWsg', 1, 189.6321563720703, 132.82733154296875, 60, 60);
INSERT INTO public.points VALUES ('UkCEv-4YN47SYvf5pCmWsg', 2, 185.2857208251953, 138.314453125, 120, 120);
INSERT INTO public.points VALUES ('UkCEv-4YN47SYvf5pCmWsg', 3, 180.9392852783203, 143.80157470703125, 180, 180);
INSERT INTO public.points VALUES ('UkCEv-4YN47SYvf5pCmWsg', 4, 176.5928497314453, 149.2886962890625, 240, 240);
INSERT INTO public.points VALUES ('UkCEv-4YN47SYvf5pCmWsg', 5, 172.2464141845703, 154.7758331298828, 300, 300);
INSERT INTO public.points VALUES ('ci255DuncJkRa6ftxk4KyQ', 0, 97.47724914550781, 110.02216339111328, 0, 0);
INSERT INTO public.points VALUES ('ci255DuncJkRa6ftxk4KyQ', 1, 98.8348617553711, 116.88925170898438, 60, 60);
INSERT INTO public.points VALUES ('ci255DuncJkRa6ftxk4KyQ', 2, 100.19246673583984, 123.75633239746094, 120, 120);
INSERT INTO public.points VALUES ('ci255DuncJkRa6ftxk4KyQ', 3, 101.5500717163086, 130.62342834472656, 180, 180);
INSERT INTO public.points VALUES ('ci255DuncJkRa6ftxk4KyQ', 4, 102.90768432617188, 137.49050903320312, 240, 240);
INSERT INTO public.points VALUES ('ci255DuncJkRa6ftxk4KyQ', 5, 104.26528930664062, 144.35760498046875, 300, 300);
INSERT INTO public.points VALUES ('BzDurWLwYYNFJUT5iiRyqg', 0, 46.833492279052734, 246.53289794921875, 0, 0);
INSERT INTO public.points VALUES ('BzDurWLwYYNFJUT5iiRyqg', 1, 52.3541374206543, 242.2291259765625, 60, 60);
INSERT INTO public.points VALUES ('BzDurWLwYYNFJUT5iiRyqg', 2, 57.87478256225586, 237.92535400390625, 120, 120);
INSERT INTO public.points VALUES ('BzDurWLwYYNFJUT5iiRyqg', 3, 63.39542770385742, 233.62158203125, 180, 180);
INSERT INTO public.points VALUES ('BzDurWLwYYNFJUT5iiRyqg', 4, 68.91607666015625, 229.31781005859375, 240, 240);
INSERT INTO public.points VALUES ('BzDurWLwYYNFJUT5iiRyqg', 5, 74.43672180175781, 225.0140380859375, 300, 300);
INSERT INTO public.points VALUES ('_kkWDbmEptSAqNGtWeOG8A', 0, 144.48968505859375, 124.03173065185547, 0, 0);
INSERT INTO public.points VALUES ('_kkWDbmEptSAqNGtWeOG8A', 1, 148.98951721191406, 118.66969299316406, 60, 60);
INSERT INTO public.points VALUES ('_kkWDbmEptSAqNGtWeOG8A', 2, 153.48936462402344, 113.30764770507812, 120, 120);
INSERT INTO public.points VALUES ('_kkWDbmEptSAqNGtWeOG8A', 3, 157.98919677734375, 107.94561004638672, 180, 180);
INSERT INTO public.points VALUES ('_kkWDbmEptSAqNGtWeOG8A', 4, 162.48902893066406, 102.58357238769531, 240, 240);
INSERT INTO public.points VALUES ('_kkWDbmEptSAqNGtWeOG8A', 5, 166.98887634277344, 97.2215347290039, 300, 300);
INSERT INTO public.points VALUES ('zDn5bflEU4sf2TPW_7gfSw', 0, 51.75503158569336, 240.1037139892578, 0, 0);
INSERT INTO public.points VALUES ('zDn5bflEU4sf2TPW_7gfSw', 1, 50.95459747314453, 233.14962768554688, 60, 60);
INSERT INTO public.points VALUES ('zDn5bflEU4sf2TPW_7gfSw', 2, 50.1541633605957, 226.19554138183594, 120, 120);
INSERT INTO public.points VALUES ('zDn5bflEU4sf2TPW_7gfSw', 3, 49.35373306274414, 219.241455078125, 180, 180);
INSERT INTO public.points VALUES ('zDn5bflEU4sf2TPW_7gfSw', 4, 48.55329895019531, 212.28736877441406, 240, 240);
INSERT INTO public.points VALUES ('zDn5bflEU4sf2TPW_7gfSw', 5, 47.752864837646484, 205.33328247070312, 300, 300);
INSERT INTO public.points VALUES ('ntuuKVWT19qZGMMdaj31Bg', 0, 92.40868377685547, 147.6883544921875, 0, 0);
INSERT INTO public.points VALUES ('ntuuKVWT19qZGMMdaj31Bg', 1, 96.61965942382812, 142.0966033935547, 60, 60);
INSERT INTO public.points VALUES ('ntuuKVWT19qZGMMdaj31Bg', 2, 100.83062744140625, 136.50485229492188, 120, 120);
INSERT INTO public.points VALUES ('ntuuKVWT19qZGMMdaj31Bg', 3, 105.0416030883789, 130.91310119628906, 180, 180);
INSERT INTO public.points VALUES ('ntuuKVWT19qZGMMdaj31Bg', 4, 109.25257873535156, 125.32134246826172, 240, 240);
INSERT INTO public.points VALUES ('ntuuKVWT19qZGMMdaj31Bg', 5, 113.46354675292969, 119.7295913696289, 300, 300);
INSERT INTO public.points VALUES ('relVJFeAbveNwkOF__7sHw', 0, 160.8854522705078, 229.22669982910156, 0, 0);
INSERT INTO public.points VALUES ('relVJFeAbveNwkOF__7sHw', 1, 157.2188720703125, 223.2637939453125, 60, 60);
INSERT INTO public.points VALUES ('relVJFeAbveNwkOF__7sHw', 2, 153.55227661132812, 217.3009033203125, 120, 120);
INSERT INTO public.points VALUES ('relVJFeAbveNwkOF__7sHw', 3, 149.8856964111328, 211.33799743652344, 180, 180);
INSERT INTO public.points VALUES ('relVJFeAbveNwkOF__7sHw', 4, 146.21910095214844, 205.37510681152344, 240, 240);
INSERT INTO public.points VALUES ('relVJFeAbveNwkOF__7sHw', 5, 142.55252075195312, 199.41221618652344, 300, 300);
INSERT INTO public.points VALUES ('godcQ_3rSC757CEa-7ytzg', 0, 29.97924041748047, 63.31935119628906, 0, 0);
INSERT INTO public.points VALUES ('godcQ_3rSC757CEa-7ytzg', 1, 36.692195892333984, 65.30333709716797, 60, 60);
INSERT INTO public.points VALUES ('godcQ_3rSC757CEa-7ytzg', 2, 43.405155181884766, 67.2873306274414, 120, 120);
INSERT INTO public.points VALUES ('godcQ_3rSC757CEa-7ytzg', 3, 50.11811065673828, 69.27131652832031, 180, 180);
INSERT INTO public.points VALUES ('godcQ_3rSC757CEa-7ytzg', 4, 56.83106994628906, 71.25530242919922, 240, 240);
INSERT INTO public.points VALUES ('godcQ_3rSC757CEa-7ytzg', 5, 63.54402542114258, 73.23928833007812, 300, 300);
INSERT INTO public.points VALUES ('YAn_HZUmgaQRxUroFecWXw', 0, 40, 90, 0, 0);
INSERT INTO public.rounds VALUES ('AJN2JU-N_0lC2B45bagi1A', 'Lqi4uZJQZJUiC8f5yOC5ug', 'FEuzkJXbCRudAu5paC2Wtw', 'shapes', 'image 3', 'hare', 'practice', '[10.0, 0.0, 266.0, 256.0]', '{"canvas_px": 256}', 1795903378656, 1795903379147, 1795903378664, 300, 'won', NULL, 87.6860058309038, 1, NULL, NULL);
INSERT INTO public.rounds VALUES ('UkCEv-4YN47SYvf5pCmWsg', 'Lqi4uZJQZJUiC8f5yOC5ug', 'FEuzkJXbCRudAu5paC2Wtw', 'shapes', 'image 2', 'hare', 'game', '[10.0, 0.0, 266.0, 256.0]', '{"canvas_px": 256}', 1795903378681, 1795903379174, 1795903378686, 300, 'won', NULL, 87.6860058309038, 1, NULL, NULL);
INSERT INTO public.rounds VALUES ('ci255DuncJkRa6ftxk4KyQ', 'Lqi4uZJQZJUiC8f5yOC5ug', 'FEuzkJXbCRudAu5paC2Wtw', 'shapes', 'image 0', 'hare', 'game', '[10.0, 0.0, 266.0, 256.0]', '{"canvas_px": 256}', 1795903378697, 1795903379189, 1795903378702, 7000, 'lost', NULL, 0, 0, NULL, NULL);
INSERT INTO public.rounds VALUES ('BzDurWLwYYNFJUT5iiRyqg', 'Lqi4uZJQZJUiC8f5yOC5ug', 'FEuzkJXbCRudAu5paC2Wtw', 'shapes', 'image 1', 'hare', 'game', '[10.0, 0.0, 266.0, 256.0]', '{"canvas_px": 256}', 1795903378713, 1795903379205, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.rounds VALUES ('_kkWDbmEptSAqNGtWeOG8A', '8FC_WluT9Y0qv8zQInyyPA', 'FNaiizeMsWJS4wDA1XuUGw', 'shapes', 'image 3', 'hare', 'practice', '[10.0, 0.0, 266.0, 256.0]', '{"canvas_px": 256}', 1795903378724, 1795903379221, 1795903378727, 300, 'won', NULL, 87.6860058309038, 1, NULL, NULL);
INSERT INTO public.rounds VALUES ('zDn5bflEU4sf2TPW_7gfSw', '8FC_WluT9Y0qv8zQInyyPA', 'FNaiizeMsWJS4wDA1XuUGw', 'shapes', 'image 0', 'hare', 'game', '[10.0, 0.0, 266.0, 256.0]', '{"canvas_px": 256}', 1795903378745, 1795903379237, 1795903378754, 300, 'won', NULL, 87.6860058309038, 1, NULL, NULL);
INSERT INTO public.rounds VALUES ('ntuuKVWT19qZGMMdaj31Bg', '8FC_WluT9Y0qv8zQInyyPA', 'FNaiizeMsWJS4wDA1XuUGw', 'shapes', 'image 2', 'hare', 'game', '[10.0, 0.0, 266.0, 256.0]', '{"canvas_px": 256}', 1795903378772, 1795903379266, 1795903378779, 400, 'skipped', 'other', 0, 0, NULL, NULL);
INSERT INTO public.rounds VALUES ('relVJFeAbveNwkOF__7sHw', '1YTZXIeiaURdJRoZMETHfQ', 'D8EKEmzDdc1No9xBxJXjkg', 'shapes', 'image 3', 'hare', 'game', '[10.0, 0.0, 266.0, 256.0]', '{"canvas_px": 256}', 1795903378805, 1795903379291, 1795903378814, 300, 'won', NULL, 87.6860058309038, 1, NULL, NULL);
INSERT INTO public.rounds VALUES ('godcQ_3rSC757CEa-7ytzg', 'fJ5jCu6IdGVTzy65w8tZXQ', 'B5j5Roej96K9DJVzOVN7Wg', 'shapes', 'image 3', 'hare', 'game', '[10.0, 0.0, 266.0, 256.0]', '{"canvas_px": 256}', 1795903378832, 1795903379326, 1795903378841, 300, 'won', NULL, 87.6860058309038, 1, NULL, NULL);
INSERT INTO public.rounds VALUES ('YAn_HZUmgaQRxUroFecWXw', 'Lqi4uZJQZJUiC8f5yOC5ug', 'FEuzkJXbCRudAu5paC2Wtw', 'shapes', 'image 0 | image 3', 'hare', 'catch', '[0.0, 0.0, 256.0, 256.0]', '{"canvas_px": 256}', 1795903378857, 1795903378850, 1795903378866, 7000, 'lost', NULL, 0, 0, 'left', true);
INSERT INTO public.settings VALUES ('version', '1');
INSERT INTO public.sittings VALUES ('mV51924Kx_14TVGlQZ9cdw', 'f4ad9e5ec50326ac', '0hLoVfmjG02aqd0GXKfsYQ', 0, true, 1295711634, 1795903380736, 1795903380826, 1795903380826, 16.7, '{"window_px": [1280, 720], "mobile": false}', '{"gala_viz": "0.1.0", "python": "3.12"}');
INSERT INTO public.sittings VALUES ('7Z4gV94Gu3BkvW5D460MkQ', 'f4ad9e5ec50326ac', 'JJRPqTz-EbXVgBH7PDX4fg', 12, false, 1332052046, 1795903380850, 1795903380877, NULL, 6.9, '{"window_px": [1440, 900], "mobile": false}', '{"gala_viz": "0.1.0", "python": "3.12"}');
INSERT INTO public.trials VALUES ('mV51924Kx_14TVGlQZ9cdw', 0, 1795903380751, 1795903380761, 's', 300, 1200, 400.2, 5000, 0);
INSERT INTO public.trials VALUES ('mV51924Kx_14TVGlQZ9cdw', 1, 1795903380773, 1795903380777, 'l', 300, 1200, 400.2, 7000, 0);
INSERT INTO public.trials VALUES ('mV51924Kx_14TVGlQZ9cdw', 2, 1795903380782, 1795903380789, 's', 300, 1200, 400.2, 9000, 0);
INSERT INTO public.trials VALUES ('mV51924Kx_14TVGlQZ9cdw', 3, 1795903380793, 1795903380799, 'l', 300, 1200, 400.2, 11000, 0);
INSERT INTO public.trials VALUES ('mV51924Kx_14TVGlQZ9cdw', 4, 1795903380809, 1795903380817, 's', 300, 1200, 400.2, 13000, 0);
INSERT INTO public.trials VALUES ('mV51924Kx_14TVGlQZ9cdw', 5, 1795903380819, 1795903380825, 'l', 300, 1200, 400.2, 15000, 0);
INSERT INTO public.trials VALUES ('7Z4gV94Gu3BkvW5D460MkQ', 0, 1795903380866, 1795903380877, NULL, NULL, 1200, 400.2, 5000, 0);
INSERT INTO public.trials VALUES ('7Z4gV94Gu3BkvW5D460MkQ', 1, 1795903380885, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.views VALUES ('ears', 'ann', 'shapes', 'compare', '?image=image+1', 1795903378879);
INSERT INTO public.visits VALUES ('FEuzkJXbCRudAu5paC2Wtw', 'Lqi4uZJQZJUiC8f5yOC5ug', 1795903378604, '{"pointer": "mouse", "screen_px": [1920, 1080]}', false, '{"gala_viz": "0.1.0", "python": "3.12"}');
INSERT INTO public.visits VALUES ('FNaiizeMsWJS4wDA1XuUGw', '8FC_WluT9Y0qv8zQInyyPA', 1795903378616, '{"pointer": "touch", "screen_px": [390, 844]}', true, '{"gala_viz": "0.1.0", "python": "3.12"}');
INSERT INTO public.visits VALUES ('D8EKEmzDdc1No9xBxJXjkg', '1YTZXIeiaURdJRoZMETHfQ', 1795903378628, '{"pointer": "touch", "screen_px": [375, 667]}', true, '{"gala_viz": "0.1.0", "python": "3.12"}');
INSERT INTO public.visits VALUES ('B5j5Roej96K9DJVzOVN7Wg', 'fJ5jCu6IdGVTzy65w8tZXQ', 1795903378636, '{"pointer": "mouse", "screen_px": [0, 0]}', false, '{"gala_viz": "0.1.0", "python": "3.12"}');
ALTER TABLE ONLY public.experiments
    ADD CONSTRAINT pk_experiments PRIMARY KEY (hash);
ALTER TABLE ONLY public.guesses
    ADD CONSTRAINT pk_guesses PRIMARY KEY (round_id, n_points);
ALTER TABLE ONLY public.image_counts
    ADD CONSTRAINT pk_image_counts PRIMARY KEY (collection, image);
ALTER TABLE ONLY public.notes
    ADD CONSTRAINT pk_notes PRIMARY KEY (owner, collection, image);
ALTER TABLE ONLY public.participants
    ADD CONSTRAINT pk_participants PRIMARY KEY (id);
ALTER TABLE ONLY public.points
    ADD CONSTRAINT pk_points PRIMARY KEY (round_id, number);
ALTER TABLE ONLY public.rounds
    ADD CONSTRAINT pk_rounds PRIMARY KEY (id);
ALTER TABLE ONLY public.settings
    ADD CONSTRAINT pk_settings PRIMARY KEY (name);
ALTER TABLE ONLY public.sittings
    ADD CONSTRAINT pk_sittings PRIMARY KEY (id);
ALTER TABLE ONLY public.trials
    ADD CONSTRAINT pk_trials PRIMARY KEY (sitting_id, number);
ALTER TABLE ONLY public.views
    ADD CONSTRAINT pk_views PRIMARY KEY (name);
ALTER TABLE ONLY public.visits
    ADD CONSTRAINT pk_visits PRIMARY KEY (id);
ALTER TABLE ONLY public.participants
    ADD CONSTRAINT uq_participants_secret_sha256 UNIQUE (secret_sha256);
ALTER TABLE ONLY public.rounds
    ADD CONSTRAINT uq_rounds_participant_id_collection_image UNIQUE (participant_id, collection, image);
ALTER TABLE ONLY public.sittings
    ADD CONSTRAINT uq_sittings_experiment_participant_id UNIQUE (experiment, participant_id);
CREATE INDEX ix_image_counts_next ON public.image_counts USING btree (collection, n_rounds, rank);
CREATE INDEX ix_rounds_ended_ms ON public.rounds USING btree (ended_ms);
CREATE INDEX ix_rounds_image ON public.rounds USING btree (collection, image, kind);
CREATE INDEX ix_views_owner ON public.views USING btree (owner, collection);
CREATE INDEX ix_visits_participant_id ON public.visits USING btree (participant_id);
ALTER TABLE ONLY public.guesses
    ADD CONSTRAINT fk_guesses_round_id FOREIGN KEY (round_id) REFERENCES public.rounds(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.points
    ADD CONSTRAINT fk_points_round_id FOREIGN KEY (round_id) REFERENCES public.rounds(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.rounds
    ADD CONSTRAINT fk_rounds_participant_id FOREIGN KEY (participant_id) REFERENCES public.participants(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.rounds
    ADD CONSTRAINT fk_rounds_visit_id FOREIGN KEY (visit_id) REFERENCES public.visits(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.sittings
    ADD CONSTRAINT fk_sittings_experiment FOREIGN KEY (experiment) REFERENCES public.experiments(hash);
ALTER TABLE ONLY public.sittings
    ADD CONSTRAINT fk_sittings_participant_id FOREIGN KEY (participant_id) REFERENCES public.participants(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.trials
    ADD CONSTRAINT fk_trials_sitting_id FOREIGN KEY (sitting_id) REFERENCES public.sittings(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.visits
    ADD CONSTRAINT fk_visits_participant_id FOREIGN KEY (participant_id) REFERENCES public.participants(id) ON DELETE CASCADE;
