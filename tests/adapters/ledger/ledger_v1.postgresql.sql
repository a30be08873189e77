SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.approvals (
    number bigint NOT NULL,
    release text NOT NULL,
    environment text NOT NULL,
    record text NOT NULL
);
CREATE SEQUENCE public.approvals_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.approvals_number_seq OWNED BY public.approvals.number;
CREATE TABLE public.events (
    id bigint NOT NULL,
    stream text NOT NULL,
    number bigint NOT NULL,
    body text NOT NULL,
    hash text NOT NULL
);
CREATE SEQUENCE public.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.events_id_seq OWNED BY public.events.id;
CREATE TABLE public.heads (
    stream text NOT NULL,
    length bigint NOT NULL,
    hash text NOT NULL
);
CREATE TABLE public.hotfixes (
    id text NOT NULL,
    service text NOT NULL,
    at bigint NOT NULL,
    record text NOT NULL,
    revision bigint NOT NULL
);
CREATE TABLE public.lives (
    service text NOT NULL,
    environment text NOT NULL,
    generation bigint NOT NULL,
    release text NOT NULL,
    workload text NOT NULL,
    record text NOT NULL,
    before bigint
);
CREATE TABLE public.meta (
    key text NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.outbox (
    number bigint NOT NULL,
    rollout text NOT NULL,
    record text NOT NULL,
    due bigint,
    tries integer NOT NULL,
    delivered bigint,
    trouble text
);
CREATE SEQUENCE public.outbox_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.outbox_number_seq OWNED BY public.outbox.number;
CREATE TABLE public.passed (
    number bigint NOT NULL,
    service text NOT NULL,
    digest text NOT NULL,
    record text NOT NULL
);
CREATE SEQUENCE public.passed_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.passed_number_seq OWNED BY public.passed.number;
CREATE TABLE public.places (
    service text NOT NULL,
    environment text NOT NULL,
    generation bigint NOT NULL,
    live bigint,
    before bigint
);
CREATE TABLE public.quarantines (
    number bigint NOT NULL,
    service text NOT NULL,
    release text NOT NULL,
    record text NOT NULL,
    cleared bigint
);
CREATE SEQUENCE public.quarantines_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.quarantines_number_seq OWNED BY public.quarantines.number;
CREATE TABLE public.releases (
    name text NOT NULL,
    service text NOT NULL,
    cut_at bigint NOT NULL,
    record text NOT NULL,
    withdrawn text
);
CREATE TABLE public.repositories (
    path text NOT NULL,
    branch text NOT NULL,
    added_at bigint NOT NULL
);
CREATE TABLE public.rollouts (
    id text NOT NULL,
    service text NOT NULL,
    environment text NOT NULL,
    release text NOT NULL,
    kind text NOT NULL,
    asked_by text NOT NULL,
    host text NOT NULL,
    phase text NOT NULL,
    generation bigint NOT NULL,
    turn bigint NOT NULL,
    format integer NOT NULL,
    record text NOT NULL,
    revision bigint NOT NULL,
    why text NOT NULL,
    due bigint,
    wake bigint NOT NULL,
    lease text,
    lease_until bigint,
    unread_by integer,
    created bigint NOT NULL,
    turned bigint NOT NULL,
    updated bigint NOT NULL
);
CREATE TABLE public.seen_refs (
    repository text NOT NULL,
    ref text NOT NULL,
    commit_id text NOT NULL
);
CREATE TABLE public.settings (
    key text NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.signals (
    rollout text NOT NULL,
    number bigint NOT NULL,
    body text NOT NULL
);
CREATE TABLE public.statements (
    number bigint NOT NULL,
    release text NOT NULL,
    environment text NOT NULL,
    kind text NOT NULL,
    record text NOT NULL
);
CREATE SEQUENCE public.statements_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.statements_number_seq OWNED BY public.statements.number;
CREATE TABLE public.trains (
    id text NOT NULL,
    service text NOT NULL,
    timetable text NOT NULL,
    departs bigint NOT NULL,
    track text,
    record text NOT NULL,
    revision bigint NOT NULL
);
ALTER TABLE ONLY public.approvals ALTER COLUMN number SET DEFAULT nextval('public.approvals_number_seq'::regclass);
ALTER TABLE ONLY public.events ALTER COLUMN id SET DEFAULT nextval('public.events_id_seq'::regclass);
ALTER TABLE ONLY public.outbox ALTER COLUMN number SET DEFAULT nextval('public.outbox_number_seq'::regclass);
ALTER TABLE ONLY public.passed ALTER COLUMN number SET DEFAULT nextval('public.passed_number_seq'::regclass);
ALTER TABLE ONLY public.quarantines ALTER COLUMN number SET DEFAULT nextval('public.quarantines_number_seq'::regclass);
ALTER TABLE ONLY public.statements ALTER COLUMN number SET DEFAULT nextval('public.statements_number_seq'::regclass);
INSERT INTO public.approvals VALUES (1, 'tally@1.1.0', 'production', '{"release":"tally@1.1.0","environment":"production","by":"bob","at":"2026-03-01T12:00:00Z","release_digest":"sha256:1.1.0","configuration_digest":"sha256:cfg","target_digest":"target","yes":true,"comment":"good","revokes":false}');
INSERT INTO public.events VALUES (1, 'release:tally@1.0.0', 1, '{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":1,"stream":"release:tally@1.0.0","what":"cut","who":"ada","why":["because"]}', '45e5bd4ccf27e362210e94fa67b7ffbce5fca488b7d10b1d3ddaec68f5ddc4da');
INSERT INTO public.events VALUES (2, 'release:tally@1.1.0', 1, '{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":1,"stream":"release:tally@1.1.0","what":"cut","who":"ada","why":["because"]}', '646466c7ac02608fa78861897bec30d147c0ef0fd2dd1c82dd44fd6f040ae8e7');
INSERT INTO public.events VALUES (3, 'first', 1, '{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":1,"stream":"first","what":"queued","who":"ada","why":["because"]}', '451418265709d0d0cc0b3b45c1f97c2c3a7423b996486078b84f05d00bb28e53');
INSERT INTO public.events VALUES (4, 'first', 2, '{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":2,"stream":"first","what":"running","who":"ada","why":["because"]}', '4d5a51d4882e425a1884451687f61334b58ccc596049e63021033f16fe380d93');
INSERT INTO public.events VALUES (5, 'first', 3, '{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":3,"stream":"first","what":"completed","who":"ada","why":["because"]}', 'd170065e700576e0b1d373af4d154fbcc85af28638514b3b3d2b4b32dbaac72c');
INSERT INTO public.events VALUES (6, 'second', 1, '{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":1,"stream":"second","what":"queued","who":"ada","why":["because"]}', 'bb36ad6b141af74c33bebfd5d7572c83b8348288a5458b6e0bf6afbe84770db7');
INSERT INTO public.events VALUES (7, 'second', 2, '{"at":"2026-03-01T12:01:00Z","data":{"n":1},"number":2,"stream":"second","what":"running","who":"ada","why":["because"]}', '0b2b91eaa6a6dea3fdbca7bcce1fd97bd107ee0e5954c177764a36fb4af15a14');
INSERT INTO public.events VALUES (8, 'second', 3, '{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":3,"stream":"second","what":"watching","who":"ada","why":["because"]}', '03af2ecf73106b69fd24b4a883f6bc87b28045a0b3ec196c260c70cb3f7604c5');
INSERT INTO public.events VALUES (9, 'second', 4, '{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":4,"stream":"second","what":"said pause","who":"ada","why":["because"]}', '61500cff54387fe75a5dcfed356e15f8f051648d2177544fdec89109f3948cbf');
INSERT INTO public.events VALUES (10, 'release:tally@1.1.0', 2, '{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":2,"stream":"release:tally@1.1.0","what":"approved","who":"ada","why":["because"]}', '48265eec55a98813976b1a3e0ff3aa359b07e5d3edaff5e68a91d8c7514575cf');
INSERT INTO public.events VALUES (11, 'release:tally@1.0.0', 2, '{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":2,"stream":"release:tally@1.0.0","what":"tick","who":"ada","why":["because"]}', '91a782a0d1c529a8425df77d9af0b6ecc141b1eea55350d739af820ebeaefebb');
INSERT INTO public.events VALUES (12, 'repository:tally', 1, '{"at":"2026-03-01T12:00:00Z","data":{"n":1},"number":1,"stream":"repository:tally","what":"followed","who":"ada","why":["because"]}', 'c5dda78bcdd6e15cb7e3cf9f59bfb3cf1bea8fbeb718d765803d14cb028bf1ce');
INSERT INTO public.heads VALUES ('first', 3, 'd170065e700576e0b1d373af4d154fbcc85af28638514b3b3d2b4b32dbaac72c');
INSERT INTO public.heads VALUES ('second', 4, '61500cff54387fe75a5dcfed356e15f8f051648d2177544fdec89109f3948cbf');
INSERT INTO public.heads VALUES ('release:tally@1.1.0', 2, '48265eec55a98813976b1a3e0ff3aa359b07e5d3edaff5e68a91d8c7514575cf');
INSERT INTO public.heads VALUES ('release:tally@1.0.0', 2, '91a782a0d1c529a8425df77d9af0b6ecc141b1eea55350d739af820ebeaefebb');
INSERT INTO public.heads VALUES ('repository:tally', 1, 'c5dda78bcdd6e15cb7e3cf9f59bfb3cf1bea8fbeb718d765803d14cb028bf1ce');
INSERT INTO public.lives VALUES ('tally', 'production', 1, 'tally@1.0.0', 'tally-1-0-0', '{"name":"tally-1-0-0","version":"1.0.0","commit":"c1.0.0","digest":"sha256:1.0.0","run":{"argv":["python","-m","tally"],"health":"/health","ready":"/health","ready_within":30.0,"grace":10.0,"request_timeout":15.0,"limits":{"memory_mb":null,"open_files":null}},"configuration":{"values":{"GREETING":"hello"},"secrets":{},"digest":"sha256:cfg"},"port":null}', NULL);
INSERT INTO public.meta VALUES ('schema', '1');
INSERT INTO public.outbox VALUES (1, 'second', '{"target":"ops","title":"hello","text":"there","data":{}}', 1772366460000000, 0, NULL, NULL);
INSERT INTO public.passed VALUES (1, 'tally', 'sha256:1.0.0', '{"release":"tally@1.0.0","digest":"sha256:1.0.0","environment":"production","what":"rollout","good":true,"at":"2026-03-01T12:00:00Z","by":"ada","comment":""}');
INSERT INTO public.passed VALUES (2, 'tally', 'sha256:1.0.0', '{"release":"tally@1.0.0","digest":"sha256:1.0.0","environment":"staging","what":"looks right","good":true,"at":"2026-03-01T12:00:00Z","by":"bob","comment":""}');
INSERT INTO public.places VALUES ('tally', 'production', 2, 1, NULL);
INSERT INTO public.quarantines VALUES (1, 'tally', 'tally@1.1.0', '{"service":"tally","release":"tally@1.1.0","commit":"c1.1.0","since":"c1.0.0","at":"2026-03-01T12:00:00Z","why":["bad"],"environment":"production"}', NULL);
INSERT INTO public.releases VALUES ('tally@1.0.0', 'tally', 1772366400000000, '{"service":"tally","version":"1.0.0","commit":"c1.0.0","ref":"main","digest":"sha256:1.0.0","run":{"argv":["python","-m","tally"],"health":"/health","ready":"/health","ready_within":30.0,"grace":10.0,"request_timeout":15.0,"limits":{"memory_mb":null,"open_files":null}},"author":"ada","cut_by":"ada","cut_at":"2026-03-01T12:00:00Z","checks":{},"requires":[],"withdrawn":null}', NULL);
INSERT INTO public.releases VALUES ('tally@1.1.0', 'tally', 1772366400000000, '{"service":"tally","version":"1.1.0","commit":"c1.1.0","ref":"main","digest":"sha256:1.1.0","run":{"argv":["python","-m","tally"],"health":"/health","ready":"/health","ready_within":30.0,"grace":10.0,"request_timeout":15.0,"limits":{"memory_mb":null,"open_files":null}},"author":"ada","cut_by":"ada","cut_at":"2026-03-01T12:00:00Z","checks":{},"requires":[],"withdrawn":null}', NULL);
INSERT INTO public.repositories VALUES ('/srv/git/tally.git', 'main', 1795447298752254);
INSERT INTO public.rollouts VALUES ('first', 'tally', 'production', 'tally@1.0.0', 'promotion', 'ada', '', 'completed', 1, 0, 1, '{"id":"first","place":{"service":"tally","environment":"production"},"release":"tally@1.0.0","kind":"promotion","asked_by":"ada","created":"2026-03-01T12:00:00Z","phase":"completed","generation":1,"plan":{"new":{"name":"tally-1-0-0","version":"1.0.0","commit":"c1.0.0","digest":"sha256:1.0.0","run":{"argv":["python","-m","tally"],"health":"/health","ready":"/health","ready_within":30.0,"grace":10.0,"request_timeout":15.0,"limits":{"memory_mb":null,"open_files":null}},"configuration":{"values":{"GREETING":"hello"},"secrets":{},"digest":"sha256:cfg"},"port":null},"old":null,"replicas":2,"steps":[{"side":"new","replicas":2,"kind":"scale"},{"weight":{"percent":10},"kind":"shift"},{"seconds":30.0,"kind":"watch"},{"weight":{"percent":100},"kind":"shift"}],"strategy":"canary","thresholds":{"mode":"thresholds","error_rate":0.01,"latency_ms":null,"quantile":0.95,"times_baseline":2.0,"needs":50,"min_time":30.0,"max_wait":900.0,"hold_for":300.0},"checks":{},"keep_warm":900.0,"binding":{},"notify":[]},"cursor":0,"since":"2026-03-01T12:00:00Z","asked":false,"attempt":1,"check":null,"weight":{"percent":0},"weighed_at":null,"evidence":null,"intent":null,"turn":0,"undecided_since":null,"unready_since":null,"trouble":null,"trouble_tries":0,"troubled_at":null,"paused_from":null,"advanced":false,"drilled":null,"reasons":[],"completed_at":"2026-03-01T12:00:00Z","tidied":false,"automatic":false,"host":"","format":1}', 3, 'testing', NULL, 0, NULL, NULL, NULL, 1772366400000000, 1772366400000000, 1772366400000000);
INSERT INTO public.rollouts VALUES ('second', 'tally', 'production', 'tally@1.1.0', 'promotion', 'ada', '', 'running', 2, 1, 1, '{"id":"second","place":{"service":"tally","environment":"production"},"release":"tally@1.1.0","kind":"promotion","asked_by":"ada","created":"2026-03-01T12:01:00Z","phase":"running","generation":2,"plan":{"new":{"name":"tally-1-1-0","version":"1.1.0","commit":"c1.1.0","digest":"sha256:1.1.0","run":{"argv":["python","-m","tally"],"health":"/health","ready":"/health","ready_within":30.0,"grace":10.0,"request_timeout":15.0,"limits":{"memory_mb":null,"open_files":null}},"configuration":{"values":{"GREETING":"hello"},"secrets":{},"digest":"sha256:cfg"},"port":null},"old":null,"replicas":2,"steps":[{"side":"new","replicas":2,"kind":"scale"},{"weight":{"percent":10},"kind":"shift"},{"seconds":30.0,"kind":"watch"},{"weight":{"percent":100},"kind":"shift"}],"strategy":"canary","thresholds":{"mode":"thresholds","error_rate":0.01,"latency_ms":null,"quantile":0.95,"times_baseline":2.0,"needs":50,"min_time":30.0,"max_wait":900.0,"hold_for":300.0},"checks":{},"keep_warm":900.0,"binding":{},"notify":[]},"cursor":0,"since":"2026-03-01T12:00:00Z","asked":false,"attempt":1,"check":null,"weight":{"percent":0},"weighed_at":null,"evidence":null,"intent":null,"turn":1,"undecided_since":null,"unready_since":null,"trouble":null,"trouble_tries":0,"troubled_at":null,"paused_from":null,"advanced":false,"drilled":null,"reasons":[],"completed_at":null,"tidied":false,"automatic":false,"host":"","format":1}', 3, 'watching', 1772366460000000, 1, NULL, NULL, NULL, 1772366460000000, 1772366460000000, 1772366460000000);
INSERT INTO public.seen_refs VALUES ('tally', 'main', 'c1.1.0');
INSERT INTO public.settings VALUES ('greeting', 'hello');
INSERT INTO public.signals VALUES ('second', 1, '{"word":"pause","by":"bob","at":"2026-03-01T12:01:00Z","why":"wait"}');
SELECT pg_catalog.setval('public.approvals_number_seq', 1, true);
SELECT pg_catalog.setval('public.events_id_seq', 12, true);
SELECT pg_catalog.setval('public.outbox_number_seq', 1, true);
SELECT pg_catalog.setval('public.passed_number_seq', 2, true);
SELECT pg_catalog.setval('public.quarantines_number_seq', 1, true);
SELECT pg_catalog.setval('public.statements_number_seq', 1, false);
ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.heads
    ADD CONSTRAINT heads_pkey PRIMARY KEY (stream);
ALTER TABLE ONLY public.hotfixes
    ADD CONSTRAINT hotfixes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.lives
    ADD CONSTRAINT lives_pkey PRIMARY KEY (service, environment, generation);
ALTER TABLE ONLY public.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.passed
    ADD CONSTRAINT passed_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.places
    ADD CONSTRAINT places_pkey PRIMARY KEY (service, environment);
ALTER TABLE ONLY public.quarantines
    ADD CONSTRAINT quarantines_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.repositories
    ADD CONSTRAINT repositories_pkey PRIMARY KEY (path);
ALTER TABLE ONLY public.rollouts
    ADD CONSTRAINT rollouts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.seen_refs
    ADD CONSTRAINT seen_refs_pkey PRIMARY KEY (repository, ref);
ALTER TABLE ONLY public.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.signals
    ADD CONSTRAINT signals_pkey PRIMARY KEY (rollout, number);
ALTER TABLE ONLY public.statements
    ADD CONSTRAINT statements_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.trains
    ADD CONSTRAINT trains_pkey PRIMARY KEY (id);
CREATE INDEX approvals_of_release ON public.approvals USING btree (release, environment);
CREATE UNIQUE INDEX events_of_stream ON public.events USING btree (stream, number);
CREATE INDEX hotfixes_of_service ON public.hotfixes USING btree (service, at);
CREATE UNIQUE INDEX one_active_rollout ON public.rollouts USING btree (service, environment) WHERE (phase <> ALL (ARRAY['pending'::text, 'completed'::text, 'rolled back'::text, 'cancelled'::text]));
CREATE UNIQUE INDEX one_train_a_track ON public.trains USING btree (service, track) WHERE (track IS NOT NULL);
CREATE INDEX outbox_due ON public.outbox USING btree (due) WHERE (due IS NOT NULL);
CREATE INDEX passed_of_digest ON public.passed USING btree (digest, service);
CREATE INDEX quarantines_of_service ON public.quarantines USING btree (service, cleared);
CREATE INDEX releases_of_service ON public.releases USING btree (service, cut_at);
CREATE INDEX rollouts_created ON public.rollouts USING btree (created);
CREATE INDEX rollouts_due ON public.rollouts USING btree (due) WHERE (due IS NOT NULL);
CREATE INDEX rollouts_of_place ON public.rollouts USING btree (service, environment, created);
CREATE INDEX statements_of_release ON public.statements USING btree (release, environment);
CREATE INDEX trains_of_service ON public.trains USING btree (service, departs);
