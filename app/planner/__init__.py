"""The Business Planner: Telegram messages become tasks in PostgreSQL."""
