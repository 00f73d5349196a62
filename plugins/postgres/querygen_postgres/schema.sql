-- `querygen db init` creates what is missing of this and changes nothing that exists, so it may be run at any time.
-- {schema} holds the deployment's own tables, {ledger} those that only querygen uses.

CREATE SCHEMA {schema};

CREATE TABLE {schema}.products (
  product_id serial PRIMARY KEY,
  product_data jsonb NOT NULL,
  brand_name varchar(255),
  product_hash varchar(64) UNIQUE
);

-- To find a product that has changed, by its own id or by its title.
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

-- For readers, and to find a product's rows.
CREATE INDEX queries_product_id ON {schema}.queries (product_id);

CREATE TABLE {schema}.jobselectedproducts (
  job_id varchar(255) NOT NULL,
  product_id integer NOT NULL REFERENCES {schema}.products (product_id) ON DELETE CASCADE,
  selected_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job_id, product_id)
);

CREATE SCHEMA {ledger};

-- The version of this schema's layout; the highest counts.
CREATE TABLE {ledger}.layout (
  version integer PRIMARY KEY
);

-- One row per product and job: what the job has delivered.
CREATE TABLE {ledger}.delivery (
  job_id text NOT NULL,
  product_key text NOT NULL,
  -- The row of `products` that the questions belong to. NULL: a deleted product that never had one.
  product_id bigint,
  -- The version of the product that was delivered last, 0 if its source has none. An older one is refused.
  version bigint NOT NULL DEFAULT 0,
  -- Of the questions that were delivered last. NULL if another job has switched off some of them since.
  digest bytea,
  -- The rows of `queries` with these questions, in their order.
  query_ids bigint[] NOT NULL,
  -- Rows that querygen has switched off. They become active again if their question returns.
  retired_ids bigint[] NOT NULL DEFAULT '{}',
  -- Rows that somebody else had switched off when their question was dropped. They stay off if it returns.
  hidden_ids bigint[] NOT NULL DEFAULT '{}',
  delivered_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (product_key, job_id)
);

CREATE INDEX delivery_product_id ON {ledger}.delivery (product_id);

-- Whoever changes questions of a row of `products` locks its row here first, so that jobs wait for each other.
CREATE TABLE {ledger}.product_lock (
  product_id bigint PRIMARY KEY
);

-- The highest lease of each job and partition that has delivered. A process with a lower one changes nothing.
CREATE TABLE {ledger}.fence (
  job_id text NOT NULL,
  partition integer NOT NULL,
  fence bigint NOT NULL,
  PRIMARY KEY (job_id, partition)
);

-- The row of `products` that stands for each product; several products may share one.
CREATE TABLE {ledger}.product (
  product_key text PRIMARY KEY,
  product_id bigint NOT NULL
);

CREATE INDEX product_product_id ON {ledger}.product (product_id);

-- For readers: all active questions. PostgreSQL lets nobody change the type of a column that a view shows, and the ids
-- of questions are the first to run out. It does not look into the text of the function, which the planner replaces by
-- the column. To find a row by its id, use `queries` itself: the index of an integer column does not serve a bigint.
CREATE OR REPLACE FUNCTION {ledger}.query_id_of({schema}.queries) RETURNS bigint LANGUAGE sql IMMUTABLE
  AS 'SELECT ($1).query_id::bigint'; -- in one statement with the view
CREATE VIEW {ledger}.active_queries AS
  SELECT {ledger}.query_id_of(q) AS query_id, q.product_id, p.brand_name, p.product_data ->> 'title' AS title,
         q.query_type, q.query_text, q.created_at
  FROM {schema}.queries q JOIN {schema}.products p USING (product_id)
  WHERE q.is_active;
