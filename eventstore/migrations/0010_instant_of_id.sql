-- Ids carry the millisecond in which they were made (UUIDv7 in the layout of TypeID: see domain/ids.py).

create function instant_of_id(in_id text) returns timestamptz language sql immutable strict parallel safe
    -- The last 26 characters are 130 bits; the first ten of them, 50 bits, are two zeros and the 48 of the time.
    return to_timestamp((
          ((strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(right(in_id, 26),  1, 1)) - 1)::bigint << 45)
        | ((strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(right(in_id, 26),  2, 1)) - 1)::bigint << 40)
        | ((strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(right(in_id, 26),  3, 1)) - 1)::bigint << 35)
        | ((strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(right(in_id, 26),  4, 1)) - 1)::bigint << 30)
        | ((strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(right(in_id, 26),  5, 1)) - 1)::bigint << 25)
        | ((strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(right(in_id, 26),  6, 1)) - 1)::bigint << 20)
        | ((strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(right(in_id, 26),  7, 1)) - 1)::bigint << 15)
        | ((strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(right(in_id, 26),  8, 1)) - 1)::bigint << 10)
        | ((strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(right(in_id, 26),  9, 1)) - 1)::bigint << 5)
        | (strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(right(in_id, 26), 10, 1)) - 1)::bigint
    ) / 1000.0::double precision);
comment on function instant_of_id is
    'When the thing of this id was made, to the millisecond: when a call was authorised, without looking for the event.';
