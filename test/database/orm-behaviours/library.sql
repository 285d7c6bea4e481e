-- The tables of entities.ts, as a tenant migration.
create table authors (
  author_id integer not null,
  name text not null,
  rating double precision,
  company_id uuid not null default '$company',
  constraint authors_pkey primary key (author_id),
  constraint authors_name_key unique (name),
  constraint authors_rating_check check (rating between 0 and 10),
  constraint authors_company_id_check check (company_id = '$company')
);

create table books (
  book_id integer not null,
  author_id integer not null,
  title text not null,
  pages integer,
  revision integer not null default 1,
  company_id uuid not null default '$company',
  constraint books_pkey primary key (book_id),
  constraint books_author_id_fkey foreign key (author_id) references authors (author_id),
  constraint books_company_id_check check (company_id = '$company')
);

create table tags (
  tag_id integer not null,
  label text not null,
  company_id uuid not null default '$company',
  constraint tags_pkey primary key (tag_id),
  constraint tags_label_key unique (label),
  constraint tags_company_id_check check (company_id = '$company')
);

create table books_tags (
  book_id integer not null,
  tag_id integer not null,
  company_id uuid not null default '$company',
  constraint books_tags_pkey primary key (book_id, tag_id),
  constraint books_tags_book_id_fkey foreign key (book_id) references books (book_id) on delete cascade,
  constraint books_tags_tag_id_fkey foreign key (tag_id) references tags (tag_id) on delete cascade,
  constraint books_tags_company_id_check check (company_id = '$company')
);

create table specimens (
  specimen_id uuid not null default gen_random_uuid(),
  note text,
  flag boolean,
  whole bigint,
  exact numeric(40, 10),
  ratio double precision,
  document jsonb,
  words text[],
  day date,
  moment timestamptz,
  bytes bytea,
  warmth integer,
  company_id uuid not null default '$company',
  constraint specimens_pkey primary key (specimen_id),
  constraint specimens_company_id_check check (company_id = '$company')
);

grant select, insert, update, delete on authors, books, tags, books_tags, specimens to "$vault";
