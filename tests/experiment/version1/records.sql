BEGIN TRANSACTION;
CREATE TABLE experiments (
	hash VARCHAR NOT NULL, 
	spec JSON NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_experiments PRIMARY KEY (hash)
);
INSERT INTO "experiments" VALUES('b9fa0d17c04f93fc','{"title": "photos", "opened_as": "animals/photos", "collection": "1f4c5240faa3c3b5", "images": {"animal": ["animal/hare/22.png", "animal/hare/02.png", "animal/hare/11.png", "animal/hare/13.png", "animal/hare/07.png", "animal/hare/03.png", "animal/hare/00.png", "animal/hare/01.png"], "vehicle": ["vehicle/tram/05.png", "vehicle/tram/15.png", "vehicle/tram/00.png", "vehicle/tram/11.png", "vehicle/tram/02.png", "vehicle/tram/23.png", "vehicle/tram/16.png", "vehicle/tram/08.png"]}, "practice": {"animal": ["animal/hare/14.png"], "vehicle": ["vehicle/tram/14.png"]}, "maps": {"fine": "opencv:fine-grained", "residual": "opencv:spectral-residual"}, "simulated": [], "revelation": {"levels": [1.0, 1.6, 2.5, 4.0, 6.3, 10.0, 15.8, 25.1, 39.8, 63.1, 100.0], "important_fraction": 0.15, "temperature": 0.5, "fill": "phase", "seed": 0}, "timing": {"fixation_ms": [1100.0, 1200.0, 1300.0, 1400.0, 1500.0], "stimulus_ms": 400.0, "window_ms": 150.0, "pause_ms": 400.0}, "exclusions": {"min_rt_ms": 20.0, "min_answered_fraction": 0.5, "min_full_accuracy": 0.6, "max_dropped_fraction": 0.1}, "keys": ["s", "l"], "n_blocks": 5, "side_px": 64, "shown_px": 384, "seed": 0}',1795902266054);
CREATE TABLE guesses (
	round_id VARCHAR NOT NULL, 
	n_points INTEGER NOT NULL, 
	at_ms DOUBLE NOT NULL, 
	place INTEGER NOT NULL, 
	categories JSON NOT NULL, 
	probabilities JSON NOT NULL, 
	CONSTRAINT pk_guesses PRIMARY KEY (round_id, n_points), 
	CONSTRAINT fk_guesses_round_id FOREIGN KEY(round_id) REFERENCES rounds (id) ON DELETE CASCADE
);
CREATE TABLE image_counts (
	collection VARCHAR NOT NULL, 
	image VARCHAR NOT NULL, 
	n_rounds INTEGER NOT NULL, 
	rank DOUBLE NOT NULL, 
	CONSTRAINT pk_image_counts PRIMARY KEY (collection, image)
);
CREATE TABLE notes (
	owner VARCHAR NOT NULL, 
	collection VARCHAR NOT NULL, 
	image VARCHAR NOT NULL, 
	bookmarked BOOLEAN NOT NULL, 
	tags JSON NOT NULL, 
	text VARCHAR NOT NULL, 
	changed_ms BIGINT NOT NULL, 
	CONSTRAINT pk_notes PRIMARY KEY (owner, collection, image)
);
CREATE TABLE participants (
	id VARCHAR NOT NULL, 
	secret_sha256 VARCHAR NOT NULL, 
	nickname VARCHAR, 
	consented_ms BIGINT, 
	created_ms BIGINT NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	CONSTRAINT pk_participants PRIMARY KEY (id), 
	CONSTRAINT uq_participants_secret_sha256 UNIQUE (secret_sha256)
);
INSERT INTO "participants" VALUES('HIaKWB71SpkN3Iri6JZktw','c235c1f238de6dad15e6f301c926c6532004f465882fc9571e7ef614957d6ddb',NULL,1795902266065,1795902266059,0);
INSERT INTO "participants" VALUES('LPJKpwuN5ZGhBxs-wb70Zg','6959aa903ea151ff1ce6e9b1960c58d18f7da4deacceeee8aad14a733df14933',NULL,1795902266240,1795902266236,0);
INSERT INTO "participants" VALUES('o7psEcdWZS6YTtWs5n3mPQ','8b8950f757473e87a8326c59e9c8729d8d44e1afa05d1b2ba65594f1e96d534a',NULL,1795902266629,1795902266616,0);
CREATE TABLE points (
	round_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	x_px DOUBLE NOT NULL, 
	y_px DOUBLE NOT NULL, 
	t_ms DOUBLE NOT NULL, 
	at_ms DOUBLE NOT NULL, 
	CONSTRAINT pk_points PRIMARY KEY (round_id, number), 
	CONSTRAINT fk_points_round_id FOREIGN KEY(round_id) REFERENCES rounds (id) ON DELETE CASCADE
);
CREATE TABLE rounds (
	id VARCHAR NOT NULL, 
	participant_id VARCHAR NOT NULL, 
	visit_id VARCHAR NOT NULL, 
	collection VARCHAR NOT NULL, 
	image VARCHAR NOT NULL, 
	category VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	box JSON NOT NULL, 
	settings JSON NOT NULL, 
	shown_ms BIGINT NOT NULL, 
	began_ms BIGINT, 
	ended_ms BIGINT, 
	elapsed_ms DOUBLE, 
	outcome VARCHAR, 
	skip_reason VARCHAR, 
	score DOUBLE NOT NULL, 
	combo INTEGER NOT NULL, 
	answer VARCHAR, 
	passed BOOLEAN, 
	CONSTRAINT pk_rounds PRIMARY KEY (id), 
	CONSTRAINT uq_rounds_participant_id_collection_image UNIQUE (participant_id, collection, image), 
	CONSTRAINT fk_rounds_participant_id FOREIGN KEY(participant_id) REFERENCES participants (id) ON DELETE CASCADE, 
	CONSTRAINT fk_rounds_visit_id FOREIGN KEY(visit_id) REFERENCES visits (id) ON DELETE CASCADE
);
CREATE TABLE settings (
	name VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	CONSTRAINT pk_settings PRIMARY KEY (name)
);
INSERT INTO "settings" VALUES('version','1');
CREATE TABLE sittings (
	id VARCHAR NOT NULL, 
	experiment VARCHAR NOT NULL, 
	participant_id VARCHAR NOT NULL, 
	set_number INTEGER NOT NULL, 
	swapped BOOLEAN NOT NULL, 
	seed INTEGER NOT NULL, 
	began_ms BIGINT NOT NULL, 
	last_ms BIGINT NOT NULL, 
	finished_ms BIGINT, 
	frame_ms DOUBLE NOT NULL, 
	device JSON NOT NULL, 
	versions JSON NOT NULL, 
	CONSTRAINT pk_sittings PRIMARY KEY (id), 
	CONSTRAINT uq_sittings_experiment_participant_id UNIQUE (experiment, participant_id), 
	CONSTRAINT fk_sittings_experiment FOREIGN KEY(experiment) REFERENCES experiments (hash), 
	CONSTRAINT fk_sittings_participant_id FOREIGN KEY(participant_id) REFERENCES participants (id) ON DELETE CASCADE
);
INSERT INTO "sittings" VALUES('6d_lpnpZeLoNDffyZEi1YA','b9fa0d17c04f93fc','HIaKWB71SpkN3Iri6JZktw',2,0,1559109856,1795902266073,1795902266233,1795902266233,16.7,'{"window_px": [1280, 720], "mobile": false}','{"gala_viz": "before"}');
INSERT INTO "sittings" VALUES('fFuJiHrujF3wT5FWoM_EKA','b9fa0d17c04f93fc','LPJKpwuN5ZGhBxs-wb70Zg',12,1,1307449763,1795902266243,1795902266605,1795902266605,16.7,'{"window_px": [1280, 720], "mobile": false}','{"gala_viz": "before"}');
INSERT INTO "sittings" VALUES('X8HdyUSlwTXpvuD2MPQDkA','b9fa0d17c04f93fc','o7psEcdWZS6YTtWs5n3mPQ',23,0,756687190,1795902266638,1795902266795,NULL,16.7,'{"window_px": [1280, 720], "mobile": false}','{"gala_viz": "before"}');
CREATE TABLE trials (
	sitting_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	begun_ms BIGINT NOT NULL, 
	ended_ms BIGINT, 
	"key" VARCHAR, 
	rt_ms DOUBLE, 
	fixation_ms DOUBLE, 
	stimulus_ms DOUBLE, 
	elapsed_ms DOUBLE, 
	dropped_frames INTEGER, 
	CONSTRAINT pk_trials PRIMARY KEY (sitting_id, number), 
	CONSTRAINT fk_trials_sitting_id FOREIGN KEY(sitting_id) REFERENCES sittings (id) ON DELETE CASCADE
);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',0,1795902266083,1795902266092,'l',300.0,1100.0,400.0,2600.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',1,1795902266097,1795902266101,'s',301.0,1500.0,400.0,5200.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',2,1795902266105,1795902266113,'s',302.0,1100.0,400.0,7800.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',3,1795902266117,1795902266120,'s',303.0,1300.0,400.0,10400.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',4,1795902266125,1795902266128,'s',304.0,1400.0,400.0,13000.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',5,1795902266133,1795902266136,'s',305.0,1500.0,2516.0,15600.0,148);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',6,1795902266141,1795902266142,'l',306.0,1300.0,400.0,18200.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',7,1795902266149,1795902266152,'l',307.0,1500.0,400.0,20800.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',8,1795902266157,1795902266160,'l',308.0,1200.0,400.0,23400.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',9,1795902266165,1795902266166,'s',309.0,1200.0,400.0,26000.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',10,1795902266169,1795902266172,'l',310.0,1500.0,400.0,28600.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',11,1795902266177,1795902266180,'s',311.0,1500.0,400.0,31200.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',12,1795902266185,1795902266188,'l',312.0,1400.0,400.0,33800.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',13,1795902266192,1795902266196,'s',313.0,1500.0,400.0,36400.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',14,1795902266201,1795902266204,'l',314.0,1300.0,400.0,39000.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',15,1795902266209,1795902266212,'l',315.0,1100.0,400.0,41600.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',16,1795902266217,1795902266225,'l',316.0,1400.0,400.0,44200.0,0);
INSERT INTO "trials" VALUES('6d_lpnpZeLoNDffyZEi1YA',17,1795902266229,1795902266233,'s',317.0,1200.0,400.0,46800.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',0,1795902266253,1795902266257,'s',300.0,1100.0,400.0,2600.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',1,1795902266261,1795902266265,'l',301.0,1200.0,400.0,5200.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',2,1795902266273,1795902266281,'s',302.0,1200.0,400.0,7800.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',3,1795902266289,1795902266297,'l',303.0,1300.0,400.0,10400.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',4,1795902266309,1795902266317,'s',304.0,1100.0,400.0,13000.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',5,1795902266329,1795902266337,'l',305.0,1300.0,400.0,15600.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',6,1795902266343,1795902266353,'l',306.0,1300.0,400.0,18200.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',7,1795902266365,1795902266377,'s',307.0,1200.0,400.0,20800.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',8,1795902266385,1795902266405,'l',308.0,1500.0,400.0,23400.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',9,1795902266417,1795902266425,'s',309.0,1200.0,400.0,26000.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',10,1795902266437,1795902266449,'l',310.0,1400.0,400.0,28600.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',11,1795902266461,1795902266473,'l',311.0,1100.0,400.0,31200.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',12,1795902266485,1795902266493,'s',312.0,1200.0,400.0,33800.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',13,1795902266513,1795902266525,'l',313.0,1300.0,400.0,36400.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',14,1795902266533,1795902266543,'s',314.0,1200.0,400.0,39000.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',15,1795902266557,1795902266565,'l',315.0,1200.0,400.0,41600.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',16,1795902266573,1795902266585,'s',316.0,1300.0,400.0,44200.0,0);
INSERT INTO "trials" VALUES('fFuJiHrujF3wT5FWoM_EKA',17,1795902266593,1795902266605,'s',317.0,1200.0,400.0,46800.0,0);
INSERT INTO "trials" VALUES('X8HdyUSlwTXpvuD2MPQDkA',0,1795902266658,1795902266665,'l',300.0,1500.0,400.0,2600.0,0);
INSERT INTO "trials" VALUES('X8HdyUSlwTXpvuD2MPQDkA',1,1795902266682,1795902266689,'s',301.0,1300.0,400.0,5200.0,0);
INSERT INTO "trials" VALUES('X8HdyUSlwTXpvuD2MPQDkA',2,1795902266697,1795902266709,'s',302.0,1100.0,400.0,7800.0,0);
INSERT INTO "trials" VALUES('X8HdyUSlwTXpvuD2MPQDkA',3,1795902266717,1795902266733,'l',303.0,1400.0,400.0,10400.0,0);
INSERT INTO "trials" VALUES('X8HdyUSlwTXpvuD2MPQDkA',4,1795902266741,1795902266757,'l',304.0,1100.0,400.0,13000.0,0);
INSERT INTO "trials" VALUES('X8HdyUSlwTXpvuD2MPQDkA',5,1795902266761,1795902266777,'l',305.0,1500.0,400.0,15600.0,0);
INSERT INTO "trials" VALUES('X8HdyUSlwTXpvuD2MPQDkA',6,1795902266785,1795902266794,'s',306.0,1400.0,400.0,18200.0,0);
INSERT INTO "trials" VALUES('X8HdyUSlwTXpvuD2MPQDkA',7,1795902266809,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE views (
	name VARCHAR NOT NULL, 
	owner VARCHAR NOT NULL, 
	collection VARCHAR NOT NULL, 
	page VARCHAR NOT NULL, 
	"query" VARCHAR NOT NULL, 
	made_ms BIGINT NOT NULL, 
	CONSTRAINT pk_views PRIMARY KEY (name)
);
CREATE TABLE visits (
	id VARCHAR NOT NULL, 
	participant_id VARCHAR NOT NULL, 
	began_ms BIGINT NOT NULL, 
	device JSON NOT NULL, 
	mobile BOOLEAN NOT NULL, 
	versions JSON NOT NULL, 
	CONSTRAINT pk_visits PRIMARY KEY (id), 
	CONSTRAINT fk_visits_participant_id FOREIGN KEY(participant_id) REFERENCES participants (id) ON DELETE CASCADE
);
CREATE INDEX ix_image_counts_next ON image_counts (collection, n_rounds, rank);
CREATE INDEX ix_views_owner ON views (owner, collection);
CREATE INDEX ix_visits_participant_id ON visits (participant_id);
CREATE INDEX ix_rounds_image ON rounds (collection, image, kind);
CREATE INDEX ix_rounds_ended_ms ON rounds (ended_ms);
COMMIT;
