PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO meta VALUES('schema','1');
CREATE TABLE rollouts (
	id TEXT NOT NULL, 
	service TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	release TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	asked_by TEXT NOT NULL, 
	host TEXT NOT NULL, 
	phase TEXT NOT NULL, 
	generation BIGINT NOT NULL, 
	turn BIGINT NOT NULL, 
	format INTEGER NOT NULL, 
	record TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	why TEXT NOT NULL, 
	due BIGINT, 
	wake BIGINT NOT NULL, 
	lease TEXT, 
	lease_until BIGINT, 
	unread_by INTEGER, 
	created BIGINT NOT NULL, 
	turned BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO rollouts VALUES('first','tally','production','tally@1.0.0','promotion','ada','','completed',1,0,1,'{"id":"first","place":{"service":"tally","environment":"production"},"release":"tally@1.0.0","kind":"promotion","asked_by":"ada","created":"2026-03-01T12:00:00Z","phase":"completed","generation":1,"plan":{"new":{"name":"tally-1-0-0","version":"1.0.0","commit":"c1.0.0","digest":"sha256:1.0.0","run":{"argv":["python","-m","tally"],"health":"/health","ready":"/health","ready_within":30.0,"grace":10.0,"request_timeout":15.0,"limits":{"memory_mb":null,"open_files":null}},"configuration":{"values":{"GREETING":"hello"},"secrets":{},"digest":"sha256:cfg"},"port":null},"old":null,"replicas":2,"steps":[{"side":"new","replicas":2,"kind":"scale"},{"weight":{"percent":10},"kind":"shift"},{"seconds":30.0,"kind":"watch"},{"weight":{"percent":100},"kind":"shift"}],"strategy":"canary","thresholds":{"mode":"thresholds","error_rate":0.01,"latency_ms":null,"quantile":0.95,"times_baseline":2.0,"needs":50,"min_time":30.0,"max_wait":900.0,"hold_for":300.0},"checks":{},"keep_warm":900.0,"binding":{},"notify":[]},"cursor":0,"since":"2026-03-01T12:00:00Z","asked":false,"attempt":1,"check":null,"weight":{"percent":0},"weighed_at":null,"evidence":null,"intent":null,"turn":0,"undecided_since":null,"unready_since":null,"trouble":null,"trouble_tries":0,"troubled_at":null,"paused_from":null,"advanced":false,"drilled":null,"reasons":[],"completed_at":"2026-03-01T12:00:00Z","tidied":false,"automatic":false,"host":"","format":1}',3,'testing',NULL,0,NULL,NULL,NULL,1772366400000000,1772366400000000,1772366400000000);
INSERT INTO rollouts VALUES('second','tally','production','tally@1.1.0','promotion','ada','','running',2,1,1,'{"id":"second","place":{"service":"tally","environment":"production"},"release":"tally@1.1.0","kind":"promotion","asked_by":"ada","created":"2026-03-01T12:01:00Z","phase":"running","generation":2,"plan":{"new":{"name":"tally-1-1-0","version":"1.1.0","commit":"c1.1.0","digest":"sha256:1.1.0","run":{"argv":["python","-m","tally"],"health":"/health","ready":"/health","ready_within":30.0,"grace":10.0,"request_timeout":15.0,"limits":{"memory_mb":null,"open_files":null}},"configuration":{"values":{"GREETING":"hello"},"secrets":{},"digest":"sha256:cfg"},"port":null},"old":null,"replicas":2,"steps":[{"side":"new","replicas":2,"kind":"scale"},{"weight":{"percent":10},"kind":"shift"},{"seconds":30.0,"kind":"watch"},{"weight":{"percent":100},"kind":"shift"}],"strategy":"canary","thresholds":{"mode":"thresholds","error_rate":0.01,"latency_ms":null,"quantile":0.95,"times_baseline":2.0,"needs":50,"min_time":30.0,"max_wait":900.0,"hold_for":300.0},"checks":{},"keep_warm":900.0,"binding":{},"notify":[]},"cursor":0,"since":"2026-03-01T12:00:00Z","asked":false,"attempt":1,"check":null,"weight":{"percent":0},"weighed_at":null,"evidence":null,"intent":null,"turn":1,"undecided_since":null,"unready_since":null,"trouble":null,"trouble_tries":0,"troubled_at":null,"paused_from":null,"advanced":false,"drilled":null,"reasons":[],"completed_at":null,"tidied":false,"automatic":false,"host":"","format":1}',3,'watching',1772366460000000,1,NULL,NULL,NULL,1772366460000000,1772366460000000,1772366460000000);
CREATE TABLE signals (
	rollout TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (rollout, number)
);
INSERT INTO signals VALUES('second',1,'{"word":"pause","by":"bob","at":"2026-03-01T12:01:00Z","why":"wait"}');
CREATE TABLE places (
	service TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	generation BIGINT NOT NULL, 
	live BIGINT, 
	"before" BIGINT, 
	PRIMARY KEY (service, environment)
);
INSERT INTO places VALUES('tally','production',2,1,NULL);
CREATE TABLE lives (
	service TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	generation BIGINT NOT NULL, 
	release TEXT NOT NULL, 
	workload TEXT NOT NULL, 
	record TEXT NOT NULL, 
	"before" BIGINT, 
	PRIMARY KEY (service, environment, generation)
);
INSERT INTO lives VALUES('tally','production',1,'tally@1.0.0','tally-1-0-0','{"name":"tally-1-0-0","version":"1.0.0","commit":"c1.0.0","digest":"sha256:1.0.0","run":{"argv":["python","-m","tally"],"health":"/health","ready":"/health","ready_within":30.0,"grace":10.0,"request_timeout":15.0,"limits":{"memory_mb":null,"open_files":null}},"configuration":{"values":{"GREETING":"hello"},"secrets":{},"digest":"sha256:cfg"},"port":null}',NULL);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	stream TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	body TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO events VALUES(1,'release:tally@1.0.0',1,'{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":1,"stream":"release:tally@1.0.0","what":"cut","who":"ada","why":["because"]}','45e5bd4ccf27e362210e94fa67b7ffbce5fca488b7d10b1d3ddaec68f5ddc4da');
INSERT INTO events VALUES(2,'release:tally@1.1.0',1,'{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":1,"stream":"release:tally@1.1.0","what":"cut","who":"ada","why":["because"]}','646466c7ac02608fa78861897bec30d147c0ef0fd2dd1c82dd44fd6f040ae8e7');
INSERT INTO events VALUES(3,'first',1,'{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":1,"stream":"first","what":"queued","who":"ada","why":["because"]}','451418265709d0d0cc0b3b45c1f97c2c3a7423b996486078b84f05d00bb28e53');
INSERT INTO events VALUES(4,'first',2,'{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":2,"stream":"first","what":"running","who":"ada","why":["because"]}','4d5a51d4882e425a1884451687f61334b58ccc596049e63021033f16fe380d93');
INSERT INTO events VALUES(5,'first',3,'{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":3,"stream":"first","what":"completed","who":"ada","why":["because"]}','d170065e700576e0b1d373af4d154fbcc85af28638514b3b3d2b4b32dbaac72c');
INSERT INTO events VALUES(6,'second',1,'{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":1,"stream":"second","what":"queued","who":"ada","why":["because"]}','bb36ad6b141af74c33bebfd5d7572c83b8348288a5458b6e0bf6afbe84770db7');
INSERT INTO events VALUES(7,'second',2,'{"at":"2026-03-01T12:01:00Z","data":{"n":1},"number":2,"stream":"second","what":"running","who":"ada","why":["because"]}','0b2b91eaa6a6dea3fdbca7bcce1fd97bd107ee0e5954c177764a36fb4af15a14');
INSERT INTO events VALUES(8,'second',3,'{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":3,"stream":"second","what":"watching","who":"ada","why":["because"]}','03af2ecf73106b69fd24b4a883f6bc87b28045a0b3ec196c260c70cb3f7604c5');
INSERT INTO events VALUES(9,'second',4,'{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":4,"stream":"second","what":"said pause","who":"ada","why":["because"]}','61500cff54387fe75a5dcfed356e15f8f051648d2177544fdec89109f3948cbf');
INSERT INTO events VALUES(10,'release:tally@1.1.0',2,'{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":2,"stream":"release:tally@1.1.0","what":"approved","who":"ada","why":["because"]}','48265eec55a98813976b1a3e0ff3aa359b07e5d3edaff5e68a91d8c7514575cf');
INSERT INTO events VALUES(11,'release:tally@1.0.0',2,'{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":2,"stream":"release:tally@1.0.0","what":"tick","who":"ada","why":["because"]}','91a782a0d1c529a8425df77d9af0b6ecc141b1eea55350d739af820ebeaefebb');
INSERT INTO events VALUES(12,'repository:tally',1,'{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":1,"stream":"repository:tally","what":"followed","who":"ada","why":["because"]}','c5dda78bcdd6e15cb7e3cf9f59bfb3cf1bea8fbeb718d765803d14cb028bf1ce');
CREATE TABLE heads (
	stream TEXT NOT NULL, 
	length BIGINT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (stream)
);
INSERT INTO heads VALUES('release:tally@1.0.0',2,'91a782a0d1c529a8425df77d9af0b6ecc141b1eea55350d739af820ebeaefebb');
INSERT INTO heads VALUES('release:tally@1.1.0',2,'48265eec55a98813976b1a3e0ff3aa359b07e5d3edaff5e68a91d8c7514575cf');
INSERT INTO heads VALUES('first',3,'d170065e700576e0b1d373af4d154fbcc85af28638514b3b3d2b4b32dbaac72c');
INSERT INTO heads VALUES('second',4,'61500cff54387fe75a5dcfed356e15f8f051648d2177544fdec89109f3948cbf');
INSERT INTO heads VALUES('repository:tally',1,'c5dda78bcdd6e15cb7e3cf9f59bfb3cf1bea8fbeb718d765803d14cb028bf1ce');
CREATE TABLE releases (
	name TEXT NOT NULL, 
	service TEXT NOT NULL, 
	cut_at BIGINT NOT NULL, 
	record TEXT NOT NULL, 
	withdrawn TEXT, 
	PRIMARY KEY (name)
);
INSERT INTO releases VALUES('tally@1.0.0','tally',1772366400000000,'{"service":"tally","version":"1.0.0","commit":"c1.0.0","ref":"main","digest":"sha256:1.0.0","run":{"argv":["python","-m","tally"],"health":"/health","ready":"/health","ready_within":30.0,"grace":10.0,"request_timeout":15.0,"limits":{"memory_mb":null,"open_files":null}},"author":"ada","cut_by":"ada","cut_at":"2026-03-01T12:00:00Z","checks":{},"requires":[],"withdrawn":null}',NULL);
INSERT INTO releases VALUES('tally@1.1.0','tally',1772366400000000,'{"service":"tally","version":"1.1.0","commit":"c1.1.0","ref":"main","digest":"sha256:1.1.0","run":{"argv":["python","-m","tally"],"health":"/health","ready":"/health","ready_within":30.0,"grace":10.0,"request_timeout":15.0,"limits":{"memory_mb":null,"open_files":null}},"author":"ada","cut_by":"ada","cut_at":"2026-03-01T12:00:00Z","checks":{},"requires":[],"withdrawn":null}',NULL);
CREATE TABLE approvals (
	number INTEGER NOT NULL, 
	release TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	record TEXT NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO approvals VALUES(1,'tally@1.1.0','production','{"release":"tally@1.1.0","environment":"production","by":"bob","at":"2026-03-01T12:00:00Z","release_digest":"sha256:1.1.0","configuration_digest":"sha256:cfg","target_digest":"target","yes":true,"comment":"good","revokes":false}');
CREATE TABLE statements (
	number INTEGER NOT NULL, 
	release TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	record TEXT NOT NULL, 
	PRIMARY KEY (number)
);
CREATE TABLE trains (
	id TEXT NOT NULL, 
	service TEXT NOT NULL, 
	timetable TEXT NOT NULL, 
	departs BIGINT NOT NULL, 
	track TEXT, 
	record TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE hotfixes (
	id TEXT NOT NULL, 
	service TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	record TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE passed (
	number INTEGER NOT NULL, 
	service TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	record TEXT NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO passed VALUES(1,'tally','sha256:1.0.0','{"release":"tally@1.0.0","digest":"sha256:1.0.0","environment":"production","what":"rollout","good":true,"at":"2026-03-01T12:00:00Z","by":"ada","comment":""}');
INSERT INTO passed VALUES(2,'tally','sha256:1.0.0','{"release":"tally@1.0.0","digest":"sha256:1.0.0","environment":"staging","what":"looks right","good":true,"at":"2026-03-01T12:00:00Z","by":"bob","comment":""}');
CREATE TABLE quarantines (
	number INTEGER NOT NULL, 
	service TEXT NOT NULL, 
	release TEXT NOT NULL, 
	record TEXT NOT NULL, 
	cleared BIGINT, 
	PRIMARY KEY (number)
);
INSERT INTO quarantines VALUES(1,'tally','tally@1.1.0','{"service":"tally","release":"tally@1.1.0","commit":"c1.1.0","since":"c1.0.0","at":"2026-03-01T12:00:00Z","why":["bad"],"environment":"production"}',NULL);
CREATE TABLE outbox (
	number INTEGER NOT NULL, 
	rollout TEXT NOT NULL, 
	record TEXT NOT NULL, 
	due BIGINT, 
	tries INTEGER NOT NULL, 
	delivered BIGINT, 
	trouble TEXT, 
	PRIMARY KEY (number)
);
INSERT INTO outbox VALUES(1,'second','{"target":"ops","title":"hello","text":"there","data":{}}',1772366460000000,0,NULL,NULL);
CREATE TABLE repositories (
	path TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	added_at BIGINT NOT NULL, 
	PRIMARY KEY (path)
);
INSERT INTO repositories VALUES('/srv/git/tally.git','main',1795447297528377);
CREATE TABLE settings (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO settings VALUES('greeting','hello');
CREATE TABLE seen_refs (
	repository TEXT NOT NULL, 
	ref TEXT NOT NULL, 
	commit_id TEXT NOT NULL, 
	PRIMARY KEY (repository, ref)
);
INSERT INTO seen_refs VALUES('tally','main','c1.1.0');
CREATE INDEX rollouts_due ON rollouts (due) WHERE due is not null;
CREATE INDEX rollouts_created ON rollouts (created);
CREATE UNIQUE INDEX one_active_rollout ON rollouts (service, environment) WHERE phase not in ('pending', 'completed', 'rolled back', 'cancelled');
CREATE INDEX rollouts_of_place ON rollouts (service, environment, created);
CREATE UNIQUE INDEX events_of_stream ON events (stream, number);
CREATE INDEX releases_of_service ON releases (service, cut_at);
CREATE INDEX approvals_of_release ON approvals (release, environment);
CREATE INDEX statements_of_release ON statements (release, environment);
CREATE UNIQUE INDEX one_train_a_track ON trains (service, track) WHERE track is not null;
CREATE INDEX trains_of_service ON trains (service, departs);
CREATE INDEX hotfixes_of_service ON hotfixes (service, at);
CREATE INDEX passed_of_digest ON passed (digest, service);
CREATE INDEX quarantines_of_service ON quarantines (service, cleared);
CREATE INDEX outbox_due ON outbox (due) WHERE due is not null;
COMMIT;
