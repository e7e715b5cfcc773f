"""What the database sees to by itself in tasks: derived columns, the tree of subtasks, and labels that are there."""

from audit.rules import Triggers


class Derived(Triggers):
    """`completed_at` follows `completed`, and `due` is when a task is overdue, whichever way that was said.

    The rule's name has to come before `Tracked`'s in the alphabet: PostgreSQL calls triggers in that order.
    """

    ddl = {"": "BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION tasks_derive()"}


class Tree(Triggers):
    """Subtasks form trees of at most five levels, and go to the trash and back with what they are below.

    All changes of one owner's trees happen one after another, so that two of them can't make a circle together.
    """

    field = "parent"
    ddl = {
        "_insert": "AFTER INSERT ON {table} FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) "
        "EXECUTE FUNCTION tasks_check_tree()",
        "_update": "AFTER UPDATE OF parent_id, trashed_at ON {table} FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL "
        "AND (NEW.parent_id IS DISTINCT FROM OLD.parent_id OR NEW.trashed_at IS NULL AND OLD.trashed_at IS NOT NULL)) "
        "EXECUTE FUNCTION tasks_check_tree()",
        "_trash": "AFTER UPDATE OF trashed_at ON {table} FOR EACH ROW "
        "WHEN (NEW.trashed_at IS DISTINCT FROM OLD.trashed_at) EXECUTE FUNCTION tasks_trash_subtasks()",
    }


class Labelled(Triggers):
    """A task's labels are there, are its owner's, and are named once each."""

    field = "labels"
    ddl = {
        "_insert": "AFTER INSERT ON {table} FOR EACH ROW WHEN (NEW.labels <> '{{}}') "
        "EXECUTE FUNCTION tasks_check_labels()",
        "_update": "AFTER UPDATE OF labels ON {table} FOR EACH ROW "
        "WHEN (NEW.labels <> '{{}}' AND NEW.labels IS DISTINCT FROM OLD.labels) "
        "EXECUTE FUNCTION tasks_check_labels()",
    }


class Unlabelling(Triggers):
    """A label that is deleted goes from all tasks."""

    ddl = {"": "AFTER DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION tasks_unlabel()"}
