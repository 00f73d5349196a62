-- What `querygen db init` makes, and may make again at any time: it adds what is missing and changes nothing.
-- {schema} holds the deployment's own tables, {ledger} what querygen remembers of them.

CREATE SCHEMA {schema};

CREATE TABLE {schema}.products (
  product_id serial PRIMARY KEY,
  product_data jsonb NOT NULL,
  brand_name varchar(255),
  product_hash varchar(64) UNIQUE
);

-- To find a product that has changed: by its own id, or by its title.
CREATE INDEX products_own_id ON {schema}.products
  (coalesce(product_data ->> 'product_id', product_data ->> 'id', product_data ->> 'sku'));

CREATE INDEX products_title ON {schema}.products
  (md5(lower(coalesce(product_data ->> 'title', product_data ->> 'name'))));

CREATE TABLE {schema}.queries (
  query_id serial PRIMARY KEY,
  product_id integer NOT NULL REFERENCES {schema}.products (product_id) ON DELETE CASCADE,
  query_text text NOT NULL,
  query_type varchar(50) NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Readers ask by product, and so does mode B.
CREATE INDEX queries_product_id ON {schema}.queries (product_id);

CREATE TABLE {schema}.jobselectedproducts (
  job_id varchar(255) NOT NULL,
  product_id integer NOT NULL REFERENCES {schema}.products (product_id) ON DELETE CASCADE,
  selected_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job_id, product_id)
);

CREATE SCHEMA {ledger};

-- One row per product and job: which rows of `queries` the job holds for it, and the digest of what it delivered last.
-- `place` is 0 for the first product of a job that a row of `products` stands for; several may share one.
-- digest is NULL where another job has put its own rows in the place of these.
CREATE TABLE {ledger}.delivery (
  job_id text NOT NULL,
  product_key text NOT NULL,
  product_id bigint NOT NULL,
  place integer NOT NULL DEFAULT 0,
  digest bytea,
  query_ids bigint[] NOT NULL,
  retired_ids bigint[] NOT NULL DEFAULT '{}',
  delivered_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job_id, product_key),
  CONSTRAINT delivery_place UNIQUE (product_id, job_id, place)
);

-- Which row of `products` stands for which product; several may share one.
CREATE TABLE {ledger}.product (
  product_key text PRIMARY KEY,
  product_id bigint NOT NULL
);

CREATE INDEX product_product_id ON {ledger}.product (product_id);

-- For readers: the questions that are to be shown.
CREATE VIEW {ledger}.active_queries AS
  SELECT q.query_id, q.product_id, p.brand_name, p.product_data ->> 'title' AS title,
         q.query_type, q.query_text, q.created_at
  FROM {schema}.queries q JOIN {schema}.products p USING (product_id)
  WHERE q.is_active;
