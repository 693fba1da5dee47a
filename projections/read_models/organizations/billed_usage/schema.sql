-- What a presented key is measured against: the plan of its organization, and what was billed (eventstore/migrations/0007).
call gate_reads('organization_guard');
