"""Surveys in any format: SEG-Y, ZGY, OpenVDS, MDIO, NumPy arrays and raw volumes."""
